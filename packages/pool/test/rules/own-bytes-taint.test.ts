import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { ReuseRule } from '@relay/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Received, sha256 } from '../../../core/test/support/peer.js'
import { client, upstream } from '../../../core/test/support/upstream.js'
import { connectionPool, http1, lengthPrefixed, lines, memcached, redis } from '../../src/index.js'
import { relayed } from '../connection/pooled.js'
import { HttpServers, withoutServers } from './http1-servers.js'
import { line } from './redis-support.js'

/** A client and a server that speak the protocol of a rule, and others that speak something else on the same port. */
interface Port {
  readonly rule: ReuseRule
  readonly known: Exchange
  readonly strange: Readonly<Record<string, Strange>>
}

interface Exchange {
  readonly request: string
  readonly reply: string
}

interface Strange extends Exchange {
  /** Of the request: how many bytes the rule can still take for the beginning of one of its own. */
  readonly plausible: number
}

const text = (bytes: Buffer): string => bytes.toString('latin1')
const http2: Strange = {
  request: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
  reply: '\0\0\0\x04\0\0\0\0\0',
  plausible: 2,
}
const page = { request: 'GET /a\r\n', reply: '<p>a</p>\n' }

const ports: Readonly<Record<string, Port>> = {
  redis: {
    rule: redis(),
    known: { request: text(line('GET a')), reply: '$1\r\nx\r\n' },
    strange: {
      'an inline command': { request: 'PING\r\n', reply: '+PONG\r\n', plausible: 0 },
      'a subscription': {
        request: text(line('SUBSCRIBE c')),
        reply: '*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n>2\r\n+message\r\n+x\r\n',
        plausible: text(line('SUBSCRIBE c')).indexOf('UBSCRIBE'),
      },
      'an array in another form': { request: '*01\r\n$4\r\nPING\r\n', reply: '+PONG\r\n', plausible: 2 },
      HTTP: { ...page, plausible: 0 },
    },
  },
  memcached: {
    rule: memcached(),
    known: { request: 'get a\r\n', reply: 'END\r\n' },
    strange: {
      'the binary protocol': {
        request: `\x80\x0b${'\0'.repeat(22)}`,
        reply: `\x81\x0b${'\0'.repeat(9)}\x06${'\0'.repeat(12)}1.6.18`,
        plausible: 0,
      },
      'a stream': { request: 'watch fetchers\r\n', reply: 'OK\r\nts=1 gid=1\r\n', plausible: 0 },
      'a quiet command': { request: 'mg a q\r\n', reply: 'HD', plausible: 5 },
      'a lone LF': { request: 'get a\n', reply: 'END\r\nEND\r\n', plausible: 5 },
    },
  },
  http1: {
    rule: http1(),
    known: {
      request: 'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
      reply: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    },
    strange: {
      'HTTP/2': http2,
      'HTTP/0.9': { ...page, plausible: 6 },
      RTSP: {
        request: 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n',
        reply: 'RTSP/1.0 200 OK\r\n\r\n',
        plausible: 10,
      },
      TLS: { request: '\x16\x03\x01\0\x05hello', reply: '\x15\x03\x03\0\x02\x02\x28', plausible: 0 },
      'a method that nobody knows': {
        request: 'SOURCE / HTTP/1.1\r\n\r\n',
        reply: 'HTTP/1.1 200 OK\r\n\r\nmusic',
        plausible: 1,
      },
      'an upgrade': {
        request: 'GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
        reply: 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nhello',
        plausible: 20,
      },
    },
  },
  lines: {
    rule: lines({ maxLineBytes: 20 }),
    known: { request: 'ask\n', reply: 'answer\n' },
    strange: {
      'another terminator': { request: 'ask\r\n', reply: 'answer\r\nand more\r\n', plausible: 3 },
      'a line that is too long': { request: `${'x'.repeat(30)}\n`, reply: '1\n2\n3', plausible: 20 },
    },
  },
  lengthPrefixed: {
    rule: lengthPrefixed(),
    known: { request: '\0\0\0\x03ask', reply: '\0\0\0\0' },
    strange: {
      'a frame that is too long': {
        request: '\x7f\0\0\0 and so on',
        reply: '\0\0\0\0\0\0\0\0?',
        plausible: 3,
      },
      HTTP: { ...page, plausible: 3 },
    },
  },
}

/** Where the server takes something else than the protocol for what it is. */
type Listens = 'anywhere' | 'at the first byte of a connection'

class Server {
  readonly #known: Exchange
  readonly #strange: Exchange
  readonly #listens: Listens
  #received = 0
  #heard: { readonly bytes: number; readonly resolve: () => void } | undefined

  constructor(known: Exchange, strange: Exchange, listens: Listens) {
    this.#known = known
    this.#strange = strange
    this.#listens = listens
  }

  serve(socket: Socket): void {
    const { request, reply } = this.#strange
    let unanswered = ''
    let first = true
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      unanswered += text(chunk)
      if (unanswered === this.#known.request) {
        socket.write(this.#known.reply, 'latin1')
        unanswered = ''
        first = false
        return
      }
      this.#received += chunk.length
      if (this.#heard !== undefined && this.#received >= this.#heard.bytes) this.#heard.resolve()
      if (unanswered !== request) return
      const understood = first || this.#listens === 'anywhere'
      socket.end(understood ? reply : 'what?', 'latin1')
    })
  }

  /** Resolves when so many bytes of strange requests have come. */
  async heard(bytes: number): Promise<void> {
    if (this.#received >= bytes) return
    await new Promise<void>((resolve) => {
      this.#heard = { bytes, resolve }
    })
  }
}

type Address = Parameters<typeof client>[0]

/** One session that sends its pieces one by one, and waits for the end. */
async function session(
  address: Address,
  pieces: readonly string[],
  between: () => Promise<void> = async () => {},
): Promise<Received> {
  const peer = await client(address)
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await between()
    await peer.write(Buffer.from(piece, 'latin1'))
  }
  const received = await peer.received
  peer.socket.destroy()
  return received
}

/** What these pieces come to on a connection that is dialed for them, and on one that served another session. */
async function bothWays(
  port: number,
  { rule, known }: Pick<Port, 'rule' | 'known'>,
  pieces: readonly string[],
  between?: () => Promise<void>,
): Promise<Record<'dialed' | 'reused', Received>> {
  const pool = connectionPool({ dial: { host: '127.0.0.1', port }, reuse: rule })
  onTestFinished(() => pool.close({ graceMs: 0 }))
  const { address } = await relayed(pool, { lingerMs: 5_000 })
  const dialed = await session(address, pieces, between)
  await expect.poll(() => pool.stats().total).toBe(0)

  const before = await client(address)
  await before.write(Buffer.from(known.request, 'latin1'))
  await before.arrived(known.reply.length)
  before.end()
  await expect.poll(() => pool.stats().idle).toBe(1)
  before.socket.destroy()
  const { lent } = pool.stats()
  const reused = await session(address, pieces, between)
  expect(pool.stats().lent.reused).toBe(lent.reused + 1)
  return { dialed, reused }
}

for (const [name, port] of Object.entries(ports)) {
  describe(`a session that ${name} cannot vouch for is served alike by a dialed and a reused connection`, () => {
    for (const [what, strange] of Object.entries(port.strange)) {
      const whole = { bytes: strange.reply.length, hash: sha256(Buffer.from(strange.reply, 'latin1')) }

      for (const listens of ['anywhere', 'at the first byte of a connection'] as const) {
        it(`${what}, which the server understands ${listens}`, async () => {
          const server = new Server(port.known, strange, listens)
          const { target } = await upstream(({ socket }) => server.serve(socket))
          const seen = await bothWays(target.port, port, [strange.request])
          expect(seen.dialed).toEqual({ ...whole, ending: 'fin' })
          expect(seen.reused).toEqual(seen.dialed)
        })
      }

      // What was sent to the one connection cannot be sent to another: the server must understand it there.
      if (strange.plausible === 0) continue
      it(`${what}, whose first ${strange.plausible} bytes might be known`, async () => {
        const server = new Server(port.known, strange, 'anywhere')
        const { target } = await upstream(({ socket }) => server.serve(socket))
        const { request, plausible } = strange
        let visits = 0
        const seen = await bothWays(
          target.port,
          port,
          [request.slice(0, plausible), request.slice(plausible)],
          () => server.heard(visits++ * request.length + plausible),
        )
        expect(seen.dialed).toEqual({ ...whole, ending: 'fin' })
        expect(seen.reused).toEqual(seen.dialed)
      })
    }
  })
}

describe('so do real servers', () => {
  it.skipIf(withoutServers)('nginx, asked in HTTP/0.9', async () => {
    const servers = await HttpServers.start()
    onTestFinished(() => servers.stop())
    const known = { request: 'GET /id/x HTTP/1.1\r\nHost: h\r\n\r\n', reply: 'HTTP/1.1 200 OK' }
    const { dialed, reused } = await bothWays(servers.nginx, { rule: http1(), known }, ['GET /id/a\r\n'])
    expect(dialed).toEqual({ bytes: 5, hash: sha256('/id/a'), ending: 'fin' })
    expect(reused).toEqual(dialed)
  })

  const withoutMemcached = spawnSync('memcached', ['-V']).status !== 0 && process.env.CI !== 'true'
  it.skipIf(withoutMemcached)(
    'memcached, which takes its binary protocol on a new connection only',
    async () => {
      const port = await startMemcached()
      const header = (opcode: number): string => `\x80${String.fromCharCode(opcode)}${'\0'.repeat(22)}`
      // No-op and quit: it closes behind the answers.
      const known = { request: 'get missing\r\n', reply: 'END\r\n' }
      const { dialed, reused } = await bothWays(port, { rule: memcached(), known }, [
        header(0x0a) + header(0x07),
      ])
      expect(dialed).toMatchObject({ bytes: 48, ending: 'fin' })
      expect(reused).toEqual(dialed)
    },
  )
})

async function startMemcached(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  const started: ChildProcess = spawn(
    'memcached',
    ['-vv', '-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  onTestFinished(async () => {
    if (started.exitCode !== null) return
    started.kill()
    await once(started, 'exit')
  })
  for await (const chunk of started.stderr ?? []) if (String(chunk).includes('server listening')) break
  return port
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRelayServer } from '@relay/core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { random, seed } from '../../../core/test/support/random.js'
import { connectionPool } from '../../src/index.js'
import { memcached } from '../../src/rules/memcached.js'

const installed = spawnSync('memcached', ['-V']).status === 0
// Where the tests are what counts, a part that is missing is a failure.
const skipped = !installed && process.env.CI !== 'true'

let port = 0
let server: ChildProcess

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const found = (probe.address() as AddressInfo).port
  probe.close()
  await once(probe, 'close')
  return found
}

/** One connection to the real server, watched by a proof. */
class Wire {
  readonly proof = memcached().open()
  readonly socket: Socket
  received = ''

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      expect(this.proof.down(chunk)).toBe(true)
      this.received += chunk.toString('latin1')
    })
    onTestFinished(() => void socket.destroy())
  }

  static async open(): Promise<Wire> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Wire(socket)
  }

  /** Sends, and resolves with what came until the proof saw the last answer, or until it is what is expected. */
  async ask(text: string, expected?: RegExp): Promise<string> {
    this.received = ''
    const bytes = Buffer.from(text, 'latin1')
    this.proof.up(bytes)
    this.socket.write(bytes)
    // What is not to come is given a moment.
    if (expected?.test('')) await sleep(60)
    const deadline = performance.now() + 5_000
    const over = (): boolean =>
      expected === undefined ? this.proof.state === 'idle' : expected.test(this.received)
    while (!over() && performance.now() < deadline) await sleep(1)
    return this.received
  }
}

describe.skipIf(skipped)('memcached() with a real server', () => {
  beforeAll(async () => {
    port = await freePort()
    const options = ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0']
    server = spawn('memcached', options, { stdio: 'ignore' })
    for (let tries = 0; tries < 500; tries++) {
      const socket = connect(port, '127.0.0.1')
      const [event] = await Promise.race([
        once(socket, 'connect').then(() => ['up']),
        once(socket, 'error').then(() => ['down']),
      ]).catch(() => ['down'])
      socket.destroy()
      if (event === 'up') return
      await sleep(10)
    }
    throw new Error('memcached did not start')
  })

  afterAll(async () => {
    if (server.exitCode !== null) return
    server.kill()
    await once(server, 'exit')
  })

  const b = 'VmFsdWU='
  const right: readonly string[] = [
    'set a 0 0 3\r\nabc\r\n',
    ...['get a\r\n', 'gets a b a\r\n', 'gat 0 a b\r\n', 'gats -1 x\r\n', 'get missing\r\n'],
    ...['add a 1 1 1\r\nx\r\n', 'add e 4294967295 0 0\r\n\r\n', 'replace zz 0 0 1\r\nx\r\n', 'gets e\r\n'],
    ...[
      'append a 0 0 1\r\nx\r\n',
      'prepend a 0 0 2\r\n\r\n\r\n',
      'get a e\r\n',
      'set noreply 0 0 1\r\nx\r\n',
    ],
    ...[
      'cas a 0 0 1 5\r\nx\r\n',
      'cas zz 0 0 1 5\r\nx\r\n',
      'touch a 0\r\n',
      'touch zz 0\r\n',
      'delete noreply\r\n',
    ],
    ...[
      'set n 0 0 2\r\n10\r\n',
      'incr n 5\r\n',
      'decr n 7\r\n',
      'get n\r\n',
      'incr zz 1\r\n',
      'incr a 1\r\n',
    ],
    ...['delete n\r\n', 'delete n\r\n', 'version\r\n', 'verbosity 0\r\n', 'mn\r\n', 'stats reset\r\n'],
    ...[
      'stats\r\n',
      'stats \r\n',
      'stats items\r\n',
      'stats slabs\r\n',
      'stats sizes\r\n',
      'stats settings\r\n',
      'stats conns\r\n',
    ],
    ...['ms m 3 c k Oq T0\r\nabc\r\n', `ms ${b} 1 b k\r\nx\r\n`, 'ms m 1 ME\r\nx\r\n', 'ms m 1 C99\r\nx\r\n'],
    ...[
      'ms zz 1 C99\r\nx\r\n',
      'ms zz 1 MR\r\nx\r\n',
      'mg m v t s f c k h l Oq\r\n',
      'mg m\r\n',
      `mg ${b} b v k\r\n`,
    ],
    ...['mg zz k Oq\r\n', 'mg zz v\r\n', 'mg viv N30 v c\r\n', 'mg viv R30 v\r\n', 'me m\r\n', 'me zz\r\n'],
    ...['ms n 1\r\n5\r\n', 'ma n v t c\r\n', 'ma n\r\n', 'ma zz\r\n', 'ma new N0 J13 v\r\n', 'ma m\r\n'],
    ...[
      'md m I T30 k\r\n',
      'mg m v\r\n',
      'md n k Oq\r\n',
      'md n\r\n',
      'md m C1\r\n',
      'flush_all 9\r\n',
      'flush_all\r\n',
    ],
  ]

  it('is right about every command it calls stateless: one answer, and the next one is its own', async () => {
    const wire = await Wire.open()
    for (const request of right) {
      await wire.ask(request)
      expect(wire.proof.state, `${request}: ${wire.received}`).toBe('idle')
      expect(await wire.ask('mn\r\n'), request).toBe('MN\r\n')
    }
  })

  it('is right about them in one pipeline, too', async () => {
    const wire = await Wire.open()
    await wire.ask(`${right.join('')}mn\r\n`)
    expect(wire.proof.state).toBe('idle')
    expect(wire.received.endsWith('MN\r\n')).toBe(true)
  })

  // From where on memcached reads a line of many keys in parts.
  const manyKeys = Array.from({ length: 60 }, (_, keys) => `get ${'k '.repeat(keys + 1)}\r\n`)

  it('is right about a space behind the keys, however many', async () => {
    const wire = await Wire.open()
    await wire.ask('set k 0 0 1\r\nx\r\n')
    for (const [keys, request] of manyKeys.entries()) {
      expect(await wire.ask(request)).toBe(`${'VALUE k 0 1\r\nx\r\n'.repeat(keys + 1)}END\r\n`)
      expect(await wire.ask('mn\r\n')).toBe('MN\r\n')
    }
  })

  const quiet = [
    'set q 0 0 1',
    'add q 1 1 1',
    'replace q 2147483647 -1 1',
    'append q 0 0 1',
    'prepend q 0 2147483647 1',
    'cas q 0 0 1 5',
    'cas zz 0 0 1 2147483647',
  ]
    .map((request) => `${request} noreply\r\nx\r\n`)
    .concat([
      'delete q noreply\r\n',
      'delete q noreply\r\n',
      'incr q 1 noreply\r\n',
      'set n 0 0 1 noreply\r\n1\r\n',
      'decr n 5 noreply\r\n',
    ])
    .concat([
      'touch n 0 noreply\r\n',
      'touch zz 2147483647 noreply\r\n',
      'flush_all 9 noreply\r\n',
      'flush_all noreply\r\n',
      'verbosity 0 noreply\r\n',
    ])

  it('is right about every quiet command: no answer, and the next one is its own', async () => {
    const wire = await Wire.open()
    for (const request of quiet) {
      expect(await wire.ask(`${request}mn\r\n`), request).toBe('MN\r\n')
      expect(wire.proof.state).toBe('idle')
    }
    expect(await wire.ask(`${quiet.join('')}mn\r\n`)).toBe('MN\r\n')
  })

  const wrong: Readonly<Record<string, RegExp>> = {
    'set a 0 0 3\r\nhello\r\n': /^CLIENT_ERROR bad data chunk\r\nERROR\r\n$/,
    'set a 0 0 -1\r\nhello\r\n': /^CLIENT_ERROR .*\r\nERROR\r\n$/,
    [`set a 0 0 2000000\r\n${'x'.repeat(2_000_000)}\r\n`]: /^SERVER_ERROR object too large for cache\r\n$/,
    [`ms a 2000000 T0\r\n${'x'.repeat(2_000_000)}\r\n`]: /^SERVER_ERROR object too large for cache\r\n$/,
    'ms a 5 T0 T1\r\nhello\r\n': /^CLIENT_ERROR duplicate flag\r\n$/,
    'touch a noreply\r\n': /^$/,
    'incr a noreply\r\n': /^$/,
    'mg missing q\r\n': /^$/,
    'watch fetchers\r\n': /^OK\r\n/,
    'quit\r\n': /^$/,
    'get a\0b\r\n': /^END\r\n$/,
    '\x80\0\0\0': /^$/,
  }
  for (const [request, answer] of Object.entries(wrong)) {
    it(`is tainted by ${JSON.stringify(request.slice(0, 30))}, which is answered otherwise`, async () => {
      const wire = await Wire.open()
      expect(await wire.ask(request, answer)).toMatch(answer)
      expect(wire.proof.state).toBe('tainted')
    })
  }

  it('serves many sessions on few connections, each with its own values', async () => {
    const pool = connectionPool({ dial: { host: '127.0.0.1', port }, reuse: memcached() })
    const relay = createRelayServer({ upstream: pool })
    const address = await relay.listen(0)
    onTestFinished(async () => {
      await relay.close({ graceMs: 0 })
      await pool.close({ graceMs: 0 })
    })
    const { int } = random(seed)
    const sessions = Number(process.env.RELAY_SESSIONS ?? 600)
    let number = 0
    const session = async (): Promise<void> => {
      const id = `S${++number}`
      const value = `${id};`.repeat(1 + int(300))
      const socket = connect({ port: 'port' in address ? address.port : 0, allowHalfOpen: true })
      let received = ''
      socket.on('data', (chunk) => {
        received += chunk
      })
      const block = `${value.length}\r\n${value}\r\n`
      socket.end(
        `set ${id} 0 9 ${block}get ${id}\r\nms ${id}.m ${block}mg ${id}.m v O${id}\r\ndelete ${id}\r\nmn\r\n`,
      )
      await once(socket, 'close')
      const value1 = `VALUE ${id} 0 ${block}END\r\n`
      const value2 = `VA ${value.length} O${id}\r\n${value}\r\n`
      expect(received, `seed ${seed}`).toBe(`STORED\r\n${value1}HD\r\n${value2}DELETED\r\nMN\r\n`)
    }
    const worker = async (): Promise<void> => {
      while (number < sessions) await session()
    }
    await Promise.all(Array.from({ length: 20 }, worker))
    const { created, lent } = pool.stats()
    console.log(`real memcached, seed ${seed}: ${JSON.stringify({ sessions, opened: created, lent })}`)
    expect(created).toBeLessThanOrEqual(sessions / 20)
  }, 600_000)
})

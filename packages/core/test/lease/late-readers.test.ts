import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { dialer } from '../../src/dialer.js'
import type { Connector } from '../../src/lease.js'
import { createRelayServer, type RelayServer, type RelayServerOptions } from '../../src/server.js'
import { limitBytes } from '../../src/stages/index.js'
import { certificate } from '../support/certificate.js'
import { THROUGH } from '../support/through.js'
import { ToyConnector } from './toy.js'

const CHUNK = 64 * 1024

/** Endless bytes, each word of which says whose they are and where they belong. */
function block(session: number, index: number): Buffer {
  const bytes = Buffer.allocUnsafe(CHUNK)
  for (let at = 0; at < CHUNK; at += 4) bytes.writeUInt32LE((session << 24) | ((index * CHUNK + at) / 4), at)
  return bytes
}

/** The first byte that is not the session's, or not in its place; -1 when all are. */
function firstWrong(session: number, received: Buffer): number {
  for (let start = 0; start < received.length; start += CHUNK) {
    const part = received.subarray(start, start + CHUNK)
    if (!part.equals(block(session, start / CHUNK).subarray(0, part.length))) return start
  }
  return -1
}

/** Sends its session's bytes to each client, as fast as they are taken, until the client's FIN. */
function endless(socket: Socket, session: number): void {
  let index = 0
  const send = (): void => {
    while (socket.writable && socket.write(block(session, index++)));
  }
  socket.on('error', () => {}).on('drain', send)
  socket.on('end', () => socket.end())
  socket.resume()
  send()
}

const TRANSPORTS = ['tcp', 'unix', 'tls'] as const
type Transport = (typeof TRANSPORTS)[number]

async function source(transport: Transport): Promise<{ target: object; connector: Connector }> {
  const sockets = new Set<Socket>()
  let sessions = 0
  const onSocket = (socket: Socket): void => endless(socket, sessions++)
  const server: Server =
    transport === 'tls'
      ? createTlsServer({ ...certificate(), allowHalfOpen: true }, onSocket)
      : createServer({ allowHalfOpen: true }, onSocket)
  server.on('connection', (socket: Socket) => sockets.add(socket))
  const folder = mkdtempSync(join(tmpdir(), 'relay-late-'))
  const path = join(folder, 'socket')
  await once(server.listen(transport === 'unix' ? path : { port: 0, host: '127.0.0.1' }), 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
    rmSync(folder, { recursive: true })
  })
  const target =
    transport === 'unix' ? { path } : { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  return {
    target,
    connector: dialer({ ...target, tls: transport === 'tls' && { rejectUnauthorized: false } }),
  }
}

async function listen(options: RelayServerOptions, unix: boolean): Promise<RelayServer> {
  const server = createRelayServer(options)
  const folder = mkdtempSync(join(tmpdir(), 'relay-late-'))
  await server.listen(unix ? { path: join(folder, 'socket') } : 0)
  onTestFinished(async () => {
    await server.close({ graceMs: 0 })
    rmSync(folder, { recursive: true })
  })
  return server
}

class Late {
  readonly socket: Socket
  readonly ended: Promise<string>
  readonly #chunks: Buffer[] = []

  constructor(server: RelayServer) {
    this.socket = connect({ ...(server.address as object as { path: string }), allowHalfOpen: true }).pause()
    this.socket.on('data', (chunk: Buffer) => void this.#chunks.push(chunk))
    this.socket.pause()
    this.ended = new Promise((resolve) => {
      this.socket
        .on('end', () => resolve('fin'))
        .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    })
    onTestFinished(() => void this.socket.destroy())
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

/** Waits until nothing more moves: the relay has read from the upstream what it can hold. */
async function stuck(server: RelayServer): Promise<void> {
  let before = -1
  for (let quiet = 0; quiet < 200; quiet++) {
    const { bytes } = server.stats().down
    if (bytes !== before || bytes === 0) quiet = 0
    before = bytes
    await turn()
  }
}

/** A client that reads late, and one that reads meanwhile; each must get its own bytes alone. */
async function lateAndQuick(
  server: RelayServer,
  leave: (late: Late) => void,
): Promise<{ late: Late; ending: string }> {
  const late = new Late(server)
  await stuck(server)
  leave(late)
  const quick = new Late(server)
  quick.socket.resume()
  while (quick.received.length < 40 * CHUNK) await once(quick.socket, 'data')
  late.socket.resume()
  const ending = await late.ended
  expect(firstWrong(0, late.received)).toBe(-1)
  expect(late.received.length).toBeGreaterThan(CHUNK)
  expect(firstWrong(1, quick.received)).toBe(-1)
  return { late, ending }
}

describe.each(TRANSPORTS)('a client that reads late, its upstream over %s', (transport) => {
  describe.each(['tcp', 'unix'] as const)('itself over %s', (clientTransport) => {
    test.each(Object.keys(THROUGH))(
      'gets what had come before its FIN, and no other byte, halfClose close, %s',
      async (kind) => {
        const { connector } = await source(transport)
        const server = await listen(
          { upstream: connector, halfClose: 'close', stages: THROUGH[kind] },
          clientTransport === 'unix',
        )
        const { ending } = await lateAndQuick(server, ({ socket }) => void socket.end('the end'))
        expect(ending).toBe('fin')
      },
    )

    test('gets its own bytes alone when a stage ends the other direction', async () => {
      const { connector } = await source(transport)
      const { up } = limitBytes({ bytes: 10 })
      const server = await listen(
        { upstream: connector, stages: [{ name: 'limit', ...(up && { up }) }] },
        clientTransport === 'unix',
      )
      const { ending } = await lateAndQuick(server, ({ socket }) => void socket.write('more than ten bytes'))
      expect(ending).toBe('fin')
    })
  })
})

test.each([
  ['on trust', { proof: null, trusted: true }],
  ['by proof, halfClose close', {}],
] as const)(
  'a client that reads late and leaves a shared connection gets its own bytes alone, %s',
  async (_how, lease) => {
    const { target } = await source('tcp')
    const connector = new ToyConnector(target as { host: string; port: number }, lease)
    const server = await listen({ upstream: connector, halfClose: 'close' }, false)
    await lateAndQuick(server, ({ socket }) => void socket.end())
  },
)

import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { dialer } from '../../src/dialer.js'
import { GuardedSocket } from '../../src/guarded-socket.js'
import type { Connector, Lease } from '../../src/lease.js'
import { relay } from '../../src/relay.js'
import { createRelayServer, type RelayServer } from '../../src/server.js'
import type { Peer } from '../support/peer.js'
import { client, type Upstream, upstream } from '../support/upstream.js'
import { clientPair } from '../support/wire.js'
import { ToyProof } from './toy.js'

interface Kept {
  readonly socket: Socket
  readonly proof: ToyProof
}

/** A connector as somebody writes it with guarded sockets alone: it keeps what comes back good. */
class OwnConnector implements Connector {
  readonly endings: string[] = []
  readonly #port: number
  readonly #observed: boolean
  readonly #idle: Kept[] = []
  readonly #sockets = new Set<Socket>()

  constructor(port: number, observed: boolean) {
    this.#port = port
    this.#observed = observed
    onTestFinished(() => {
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  async connect(): Promise<Lease> {
    const last = this.#idle.pop()
    const kept = last ?? { socket: await this.#dial(), proof: new ToyProof() }
    const reused = last !== undefined
    const observe = this.#observed ? kept.proof : undefined
    const guard = new GuardedSocket(kept.socket, { autoDestroyRaw: false, observe, reused })
    return {
      socket: guard,
      origin: reused ? 'reused' : 'dialed',
      proof: kept.proof,
      release: async () => {
        const { reusable, why } = await guard.interrupt()
        this.endings.push(why)
        if (reusable && kept.proof.state === 'idle') this.#idle.push(kept)
        else kept.socket.destroy()
      },
      discard: () => {
        this.endings.push('discarded')
        guard.destroy()
        kept.socket.destroy()
      },
      detach: () => guard,
      [Symbol.dispose]: () => void kept.socket.destroy(),
    }
  }

  async close(): Promise<void> {}

  stats(): object {
    return {}
  }

  #dial(): Promise<Socket> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true })
    this.#sockets.add(socket)
    socket.on('error', () => {})
    return new Promise((resolve) => socket.once('connect', () => resolve(socket)))
  }
}

async function served(connector: Connector): Promise<RelayServer> {
  const server = createRelayServer({ upstream: connector })
  await server.listen(0)
  onTestFinished(() => server.close({ graceMs: 0 }))
  return server
}

async function closed(server: RelayServer, sessions: number): Promise<void> {
  await expect
    .poll(() => Object.values(server.stats().closed).reduce((sum, n) => sum + n, 0), {
      interval: 2,
      timeout: 10_000,
    })
    .toBe(sessions)
}

/** Answers each line with itself, and a FIN with a FIN. */
async function lineEcho(): Promise<Upstream> {
  return upstream(({ socket }) => {
    socket.on('data', (chunk: Buffer) => socket.write(chunk)).on('end', () => socket.end())
  })
}

describe.each([
  ['whose guards observe it', true],
  ['that the relay feeds', false],
])("a connector of one's own, with a proof %s", (_how, observed) => {
  test('gets its connection back from a client that has all its answers, and lends it to the next', async () => {
    const echo = await lineEcho()
    const connector = new OwnConnector(echo.target.port, observed)
    const server = await served(connector)
    for (let session = 1; session <= 3; session++) {
      const caller = await client(server.address)
      await caller.write(`line ${session}\n`)
      await caller.arrived(7)
      caller.end()
      expect(await caller.received).toMatchObject({ bytes: 7, ending: 'fin' })
      await closed(server, session)
    }
    expect(connector.endings).toEqual(['reusable', 'reusable', 'reusable'])
    expect(echo.accepted).toBe(1)
  })

  test('gets a large request out whole before the connection is given back', async () => {
    const peers: Peer[] = []
    const made = await upstream((peer) => {
      peer.socket.pause()
      peers.push(peer)
    })
    const connector = new OwnConnector(made.target.port, observed)
    const server = await served(connector)
    const caller = await client(server.address)
    const sent = Buffer.alloc(6 * 1024 * 1024, 'x')
    sent[sent.length - 1] = 10
    caller.end(sent)
    await expect.poll(() => server.stats().up.bytes, { interval: 2, timeout: 10_000 }).toBeGreaterThan(0)
    const peer = peers[0] as Peer
    peer.socket.resume()
    await peer.arrived(sent.length)
    peer.socket.write('done\n')
    expect(await caller.received).toMatchObject({ bytes: 5, ending: 'fin' })
    await closed(server, 1)
    expect(connector.endings).toEqual(['reusable'])
    expect(peer.bytes).toBe(sent.length)
  })

  test('does not get one back that owes an answer', async () => {
    const made = await upstream(() => {})
    const connector = new OwnConnector(made.target.port, observed)
    const server = await served(connector)
    const caller = await client(server.address)
    await caller.write('never answered\n')
    await expect.poll(() => server.stats().up.bytes, { interval: 2, timeout: 10_000 }).toBe(15)
    caller.reset()
    await closed(server, 1)
    expect(connector.endings).toEqual(['discarded'])
  })
})

/** A lease around a dialed one, some of whose parts misbehave. */
async function odd(port: number, parts: Partial<Lease>): Promise<Connector> {
  const inner = dialer({ host: '127.0.0.1', port })
  return {
    connect: async (context) => {
      const lease = await inner.connect(context)
      return Object.assign(
        {
          socket: lease.socket,
          origin: lease.origin,
          release: () => lease.release(),
          discard: () => lease.discard(),
          detach: () => lease.detach(),
          [Symbol.dispose]: () => lease.discard(),
        },
        parts,
      )
    },
    close: () => inner.close(),
    stats: () => ({}),
  }
}

const idle = { up() {}, down: () => true, state: 'idle' as const }

describe('a lease that misbehaves', () => {
  test.each([
    [
      'whose discard throws',
      {
        discard: () => {
          throw new Error('no')
        },
      },
    ],
    ['whose discard rejects', { discard: (): void => Promise.reject(new Error('no')) as never }],
    [
      'whose release throws',
      {
        proof: idle,
        release: () => {
          throw new Error('no')
        },
      },
    ],
    ['whose release rejects', { proof: idle, release: () => Promise.reject(new Error('no')) }],
  ] as [string, Partial<Lease>][])(
    '%s does not keep its session from its end, nor others',
    async (_how, parts) => {
      const warned: unknown[] = []
      const note = (warning: unknown): void => void warned.push(warning)
      const others = process.listeners('warning')
      process.removeAllListeners('warning')
      process.on('warning', note)
      onTestFinished(() => {
        process.off('warning', note)
        for (const listener of others) process.on('warning', listener)
      })
      const echo = await lineEcho()
      const server = await served(await odd(echo.target.port, parts))
      for (let session = 1; session <= 2; session++) {
        const caller = await client(server.address)
        await caller.write('line\n')
        await caller.arrived(5)
        caller.end()
        expect((await caller.received).bytes).toBe(5)
        // A connection that is not given back hears its client's FIN.
        if (parts.proof === undefined) break
        await closed(server, session)
      }
      await server.close({ graceMs: 0 })
      await expect.poll(() => warned.length, { interval: 2 }).toBeGreaterThan(0)
    },
  )
})

describe('a lease', () => {
  const context = { signal: new AbortController().signal, client: {} as never }

  test('that serves a session is refused to another', async () => {
    const echo = await lineEcho()
    const lease = await dialer(echo.target as { host: string; port: number }).connect(context)
    const [one, two] = [await clientPair(), await clientPair()]
    const result = relay(one.inner, lease)
    await expect(relay(two.inner, lease)).rejects.toMatchObject({ code: 'ERR_RELAY_LEASED' })
    await one.peer.write('mine\n')
    await one.peer.arrived(5)
    one.peer.reset()
    await result
    two.inner.destroy()
    two.peer.socket.destroy()
  })

  test.each(['release', 'discard'] as const)('is refused after its %s', async (end) => {
    const echo = await lineEcho()
    const lease = await dialer(echo.target as { host: string; port: number }).connect(context)
    await lease[end]()
    const one = await clientPair()
    await expect(relay(one.inner, lease)).rejects.toMatchObject({ code: 'ERR_RELAY_LEASED' })
    one.inner.destroy()
    one.peer.socket.destroy()
  })

  test('that a connector gives to two sessions ends the second, and leaves the first alone', async () => {
    const echo = await lineEcho()
    const inner = dialer(echo.target as { host: string; port: number })
    let cached: Promise<Lease> | undefined
    const server = await served({
      connect: (wanted) => {
        cached ??= inner.connect(wanted)
        return cached
      },
      close: () => inner.close(),
      stats: () => ({}),
    })
    const first = await client(server.address)
    await first.write('first\n')
    await first.arrived(6)
    const second = await client(server.address)
    expect((await second.received).ending).toBe('reset')
    await first.write('still\n')
    await first.arrived(12)
    expect(server.stats().closed).toEqual({ 'connect-failed': 1 })
  })
})

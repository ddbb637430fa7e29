import { once } from 'node:events'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ConnectionLease } from '../../src/connection-lease.js'
import type { ReuseProof } from '../../src/reuse-proof.js'
import type { Peer } from '../support/peer.js'
import { client, upstream } from '../support/upstream.js'
import { Arrivals, house, ToyConnector, type ToyConnectorOptions, ToyProof } from './toy.js'

async function borrowed(
  options: ToyConnectorOptions = {},
): Promise<{ connector: ToyConnector; lease: ConnectionLease; served: Peer }> {
  const peers = new Arrivals<Peer>()
  const { target } = await upstream((peer) => peers.push(peer))
  const connector = new ToyConnector(target, options)
  return { connector, lease: await connector.connect(), served: await peers.at(0) }
}

describe('a lease ends once', () => {
  type End = readonly [string, (lease: ConnectionLease) => unknown]
  const ends: readonly End[] = [
    ['release', (lease) => lease.release()],
    ['discard', (lease) => lease.discard()],
    ['detach', (lease) => lease.detach()],
    ['dispose', (lease) => lease[Symbol.dispose]()],
  ]
  const endings: Record<string, string> = {
    release: 'reusable',
    discard: 'discarded',
    detach: 'detached',
    dispose: 'discarded',
  }

  test.each(ends.flatMap((first) => ends.map((second) => [first[0], second[0], first, second] as const)))(
    'by %s; %s after it changes nothing',
    async (_one, _two, first, second) => {
      const { connector, lease } = await borrowed()
      await first[1](lease)
      const destroyed = lease.connection.socket.destroyed
      await second[1](lease)
      expect(connector.endings).toEqual([endings[first[0]]])
      expect(lease.connection.socket.destroyed).toBe(destroyed)
    },
  )

  test.each(ends)('by %s: whoever has its connection now is left alone by a second one', async (how, end) => {
    const { connector, lease, served } = await borrowed()
    await lease.release()
    const next = await connector.connect()
    expect(next.connection).toBe(lease.connection)
    next.socket.write('mine\n')
    await served.arrived(5)
    // Where there is nothing to hand out, detach() may say so.
    if (how === 'detach') await (async () => end(lease))().catch(() => {})
    else await end(lease)
    await served.write('yours\n')
    expect(String((await once(next.socket, 'data'))[0])).toBe('yours\n')
    await next.release()
    expect(connector.endings).toEqual(['reusable', 'reusable'])
  })

  test('by release: its socket, asked for too late, does not touch the connection of the next', async () => {
    const { connector, lease, served } = await borrowed()
    await lease.release()
    const next = await connector.connect()
    try {
      lease.socket.on('error', () => {}).write('late\n')
    } catch {
      // To refuse is as good as to be inert.
    }
    next.socket.write('mine\n')
    await served.arrived(5)
    await served.write('yours\n')
    expect(String((await once(next.socket, 'data'))[0])).toBe('yours\n')
    expect(served.bytes).toBe(5)
    next.discard()
  })

  test('by detach: the caller owns the connection, which ends with it', async () => {
    const { connector, lease, served } = await borrowed()
    const owned = lease.detach()
    owned.write('mine\n')
    await served.arrived(5)
    await served.write('yours\n')
    expect(String((await once(owned, 'data'))[0])).toBe('yours\n')
    owned.destroy()
    expect(await served.received).toMatchObject({ bytes: 5 })
    expect(connector.endings).toEqual(['detached'])
  })
})

describe('used by hand', () => {
  test('a clean connection is given back', async () => {
    const { connector, lease, served } = await borrowed()
    lease.socket.write('ask\n')
    await served.arrived(4)
    await served.write('answer\n')
    await once(lease.socket, 'data')
    await lease.release()
    expect(connector.endings).toEqual(['reusable'])
    expect(lease.proof?.state).toBe('idle')
  })

  test('a connection with unread bytes is not', async () => {
    const { connector, lease, served } = await borrowed()
    lease.socket.write('ask\n')
    await served.arrived(4)
    await served.write('answer\n')
    lease.socket.read(0)
    await expect.poll(() => lease.socket.readableLength, { timeout: 10_000 }).toBe(7)
    await lease.release()
    expect(connector.endings).toEqual(['unread'])
  })

  test('a connection that was written to behind end() is not', async () => {
    const { connector, lease } = await borrowed()
    lease.socket.end('ask\n')
    await once(lease.socket, 'finish')
    await lease.release()
    expect(connector.endings).toEqual(['ended'])
  })

  test('a connection whose upstream has ended is not', async () => {
    const { connector, lease, served } = await borrowed()
    lease.socket.resume()
    served.end()
    await once(lease.socket, 'end')
    await lease.release()
    expect(connector.endings).toEqual(['ended'])
  })

  test('a connection that is still used by somebody who retained it is not', async () => {
    const { connector, lease } = await borrowed()
    lease.socket.retain()
    await lease.release()
    expect(connector.endings).toEqual(['in-use'])
  })

  test('a late write of an old guard fails, and never reaches the socket', async () => {
    const { connector, lease, served } = await borrowed()
    const old = lease.socket
    old.write('one\n')
    await served.arrived(4)
    await served.write('1\n')
    await once(old, 'data')
    await lease.release()
    const next = await connector.connect()
    const failed = new Promise<unknown>((resolve) => old.write('late\n', resolve))
    expect(await failed).toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
    old.end('later\n')
    old.destroy()
    next.socket.write('two\n')
    await served.arrived(8)
    await served.write('2\n')
    expect(String((await once(next.socket, 'data'))[0])).toBe('2\n')
    expect(served.bytes).toBe(8)
    next.discard()
  })
})

describe('a rule that throws', () => {
  let warned = vi.spyOn(process, 'emitWarning')
  beforeEach(() => {
    // Kept from whoever fails a test for a warning.
    warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => void warned.mockRestore())
  })

  function throws(where: 'up' | 'down' | 'goodbye'): () => ReuseProof {
    return () => {
      const proof = new ToyProof()
      const fail = (): never => {
        throw new Error(`lost track of ${where}`)
      }
      return {
        up: where === 'up' ? fail : (chunk) => proof.up(chunk),
        down: where === 'down' ? fail : () => true,
        goodbye: where === 'goodbye' ? fail : () => undefined,
        // As if nothing had happened: the exception alone must be enough.
        get state() {
          return 'idle' as const
        },
      }
    }
  }

  test.each(['up', 'down', 'goodbye'] as const)(
    'in %s spends the lease, harms no session and is warned of',
    async (where) => {
      const { connector, address, peer, result } = await house({ proof: throws(where) })
      const caller = await client(address)
      await caller.write('ask\n')
      const served = await peer(0)
      await served.arrived(4)
      await served.write('answer\n')
      await caller.arrived(7)
      caller.end()
      expect(await served.received).toMatchObject({ bytes: 4, ending: 'fin' })
      served.end()
      expect(await caller.received).toMatchObject({ bytes: 7, ending: 'fin' })
      expect(await result(0)).toMatchObject({ reason: 'client-end' })
      expect(connector.endings).toEqual(['discarded'])
      expect(warned).toHaveBeenCalled()
      expect(String(warned.mock.calls[0]?.[0])).toContain(`lost track of ${where}`)
    },
  )

  test('in down, on a reused lease, keeps what it could not judge from the client', async () => {
    const { connector, address, peer, result } = await house({ proof: throws('down'), origin: 'reused' })
    const caller = await client(address)
    await caller.write('ask\n')
    const served = await peer(0)
    await served.arrived(4)
    await served.write('answer\n')
    expect(await caller.received).toMatchObject({ bytes: 0, ending: 'reset' })
    expect(await result(0)).toMatchObject({ error: { code: 'ERR_RELAY_FOREIGN_BYTES' } })
    expect(connector.endings).toEqual(['discarded'])
  })

  test.each(['up', 'down'] as const)('in %s, by hand, spends the lease and crashes nobody', async (where) => {
    const { connector, lease, served } = await borrowed({ proof: throws(where) })
    lease.socket.on('error', () => {}).resume()
    try {
      lease.socket.write('ask\n')
    } catch {
      // Whoever calls write() is told.
    }
    if (where === 'down') {
      await served.arrived(4)
      await served.write('answer\n')
      await expect
        .poll(() => lease.socket.bytesRead + Number(lease.socket.destroyed), { timeout: 10_000 })
        .toBeGreaterThan(0)
    }
    await lease.release()
    expect(connector.endings).not.toEqual(['reusable'])
  })
})

import { describe, expect, test } from 'vitest'
import { type Peer, sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { type House, house, ToyProof } from './toy.js'

const KIB = 1024

type Origin = 'prewarmed' | 'reused'

const ends: readonly [string, (peer: Peer) => void][] = [
  ['FIN', (peer) => peer.end()],
  ['reset', (peer) => peer.reset()],
]

/** Resolves when the session has its nth connection, with the upstream's end of it. */
async function connected(made: House, count: number): Promise<Peer> {
  const peer = await made.peer(count - 1)
  // Accepted is not connected: whoever is reset before was not dialed.
  await expect.poll(() => made.connector.connections.size, { interval: 2, timeout: 10_000 }).toBe(count)
  return peer
}

describe.each<Origin>(['prewarmed', 'reused'])('a %s lease', (origin) => {
  const stale = { origin, proof: null, retryStale: 'before-first-byte' } as const

  test.each(ends)('that ends by %s before any byte is replaced by a fresh one', async (_how, end) => {
    const made = await house(stale)
    const caller = await client(made.address)
    end(await connected(made, 1))
    const fresh = await connected(made, 2)
    caller.end('mine\n')
    expect(await fresh.received).toMatchObject({ hash: sha256('mine\n'), ending: 'fin' })
    fresh.end('yours\n')
    expect(await caller.received).toMatchObject({ hash: sha256('yours\n'), ending: 'fin' })
    expect(await made.result(0)).toMatchObject({ reason: 'client-end', up: { bytes: 5 }, down: { bytes: 6 } })
    expect(made.connector.connects).toEqual(['any', 'fresh'])
    expect(made.connector.endings).toEqual(['discarded', 'discarded'])
  })

  test.each(ends)(
    'is replaced once: when the fresh one ends by %s, too, so does the session',
    async (how, end) => {
      const made = await house(stale)
      const caller = await client(made.address)
      end(await connected(made, 1))
      end(await connected(made, 2))
      expect(await caller.received).toMatchObject({ bytes: 0, ending: how.toLowerCase() })
      caller.end()
      expect(await made.result(0)).toMatchObject({
        reason: how === 'FIN' ? 'upstream-end' : 'upstream-reset',
      })
      expect(made.connector.connects).toEqual(['any', 'fresh'])
      expect(made.connector.endings).toEqual(['discarded', 'discarded'])
    },
  )

  test.each(ends)('that ends by %s behind one byte of the client is not replaced', async (how, end) => {
    const made = await house(stale)
    const caller = await client(made.address)
    await caller.write('.')
    const served = await connected(made, 1)
    await served.arrived(1)
    end(served)
    expect(await caller.received).toMatchObject({ bytes: 0, ending: how.toLowerCase() })
    caller.end()
    await made.result(0)
    expect(made.connector.connects).toEqual(['any'])
  })

  test.each(ends)('that ends by %s behind one byte of its own is not replaced', async (how, end) => {
    const made = await house(stale)
    const caller = await client(made.address)
    const served = await connected(made, 1)
    await served.write('.')
    await caller.arrived(1)
    end(served)
    expect(await caller.received).toMatchObject({ bytes: 1, ending: how.toLowerCase() })
    caller.end()
    await made.result(0)
    expect(made.connector.connects).toEqual(['any'])
  })

  test.each([
    ['before-first-byte', ''],
    ['replay', 'said once\n'],
  ] as const)(
    'that answers the client’s FIN by a FIN alone is not replaced (retryStale %s, %j sent)',
    async (retryStale, said) => {
      const made = await house({ ...stale, retryStale })
      const caller = await client(made.address)
      caller.end(said)
      const served = await connected(made, 1)
      expect(await served.received).toMatchObject({ hash: sha256(said), ending: 'fin' })
      served.end()
      expect(await caller.received).toMatchObject({ bytes: 0, ending: 'fin' })
      expect(await made.result(0)).toMatchObject({ reason: 'client-end', up: { bytes: said.length } })
      expect(made.connector.connects).toEqual(['any'])
    },
  )

  test.each(ends)('is replaced for nobody by retryStale never (%s)', async (how, end) => {
    const made = await house({ ...stale, retryStale: 'never' })
    const caller = await client(made.address)
    end(await connected(made, 1))
    expect(await caller.received).toMatchObject({ bytes: 0, ending: how.toLowerCase() })
    caller.end()
    await made.result(0)
    expect(made.connector.connects).toEqual(['any'])
  })

  test('is replaced for a client that has sent FIN and no byte: the fresh one gets the FIN', async () => {
    // The rule is in the middle of an answer, so that the FIN is withheld.
    const proof = (): ToyProof => {
      const busy = new ToyProof()
      busy.up(Buffer.from('before\n'))
      return busy
    }
    const made = await house({ ...stale, proof })
    const caller = await client(made.address)
    caller.end()
    const served = await connected(made, 1)
    await expect.poll(() => made.server.sessions().length, { timeout: 10_000 }).toBe(1)
    served.end()
    const fresh = await connected(made, 2)
    await fresh.write('before\n')
    expect(await caller.received).toMatchObject({ hash: sha256('before\n'), ending: 'fin' })
    expect(await made.result(0)).toMatchObject({ reason: 'client-end' })
  })

  test('that ends when the client is gone costs no second connection', async () => {
    const made = await house({ ...stale, proof: () => new ToyProof(), settleMs: 60_000 })
    const caller = await client(made.address)
    await caller.write('ask\n')
    const served = await connected(made, 1)
    await served.arrived(4)
    caller.reset()
    await caller.closed()
    await expect.poll(() => made.server.stats().active, { timeout: 10_000 }).toBe(1)
    served.end()
    await made.result(0)
    expect(made.connector.connects).toEqual(['any'])
  })

  test('whose client resets while it is replaced ends as its reset', async () => {
    const made = await house(stale)
    const caller = await client(made.address)
    const served = await connected(made, 1)
    served.end()
    caller.reset()
    expect(await made.result(0)).toMatchObject({ reason: 'client-reset' })
    await expect.poll(() => made.server.stats().active, { timeout: 10_000 }).toBe(0)
    expect(made.connector.connects.length).toBeLessThanOrEqual(2)
    expect(made.connector.endings).not.toContain('reusable')
  })
})

describe('with retryStale replay', () => {
  const replay = { origin: 'reused', proof: null, retryStale: 'replay' } as const

  test.each(ends)('what was sent is sent again, once and in order, after a %s', async (_how, end) => {
    const made = await house(replay)
    const caller = await client(made.address)
    const parts = Array.from({ length: 20 }, (_, index) => `part ${index}\n`)
    const served = await connected(made, 1)
    for (const [index, part] of parts.entries()) {
      await caller.write(part)
      // Each part in a chunk of its own.
      await served.arrived(parts.slice(0, index + 1).join('').length)
    }
    end(served)
    const fresh = await connected(made, 2)
    caller.end('the rest\n')
    expect(await fresh.received).toMatchObject({ hash: sha256(`${parts.join('')}the rest\n`), ending: 'fin' })
    fresh.end('yours\n')
    expect(await caller.received).toMatchObject({ hash: sha256('yours\n'), ending: 'fin' })
    await made.result(0)
    expect(made.connector.connects).toEqual(['any', 'fresh'])
  })

  test.each([
    [64 * KIB, 2],
    [64 * KIB + 1, 1],
  ])('%i bytes are connected for %i times', async (bytes, times) => {
    const made = await house(replay)
    const caller = await client(made.address)
    const sent = Buffer.alloc(bytes, 'bytes that can be counted, ')
    await caller.write(sent)
    const served = await connected(made, 1)
    await served.arrived(bytes)
    served.end()
    if (times === 2) {
      const fresh = await connected(made, 2)
      await fresh.arrived(bytes)
      fresh.end()
      caller.end()
      expect(await fresh.received).toMatchObject({ hash: sha256(sent) })
    }
    caller.end()
    expect(await caller.received).toMatchObject({ bytes: 0 })
    await made.result(0)
    expect(made.connector.connects).toHaveLength(times)
  })

  test('is not sent a third time', async () => {
    const made = await house(replay)
    const caller = await client(made.address)
    await caller.write('mine\n')
    for (const count of [1, 2]) {
      const served = await connected(made, count)
      await served.arrived(5)
      served.end()
    }
    caller.end()
    expect(await caller.received).toMatchObject({ bytes: 0, ending: 'fin' })
    await made.result(0)
    expect(made.connector.connects).toEqual(['any', 'fresh'])
  })

  test('is sent again without what the kernel took of it being counted twice', async () => {
    const made = await house(replay)
    const caller = await client(made.address)
    await caller.write('mine\n')
    const served = await connected(made, 1)
    await served.arrived(5)
    served.end()
    const fresh = await connected(made, 2)
    caller.end()
    expect(await fresh.received).toMatchObject({ hash: sha256('mine\n'), ending: 'fin' })
    fresh.end()
    expect(await made.result(0)).toMatchObject({ up: { bytes: 5 } })
  })

  test('is not sent again behind the first byte of an answer', async () => {
    const made = await house(replay)
    const caller = await client(made.address)
    await caller.write('mine\n')
    const served = await connected(made, 1)
    await served.arrived(5)
    served.end('y')
    expect(await caller.received).toMatchObject({ hash: sha256('y'), ending: 'fin' })
    caller.end()
    await made.result(0)
    expect(made.connector.connects).toEqual(['any'])
  })
})

test.each(ends)('a lease that was dialed for its session is never replaced (%s)', async (how, end) => {
  const made = await house({ origin: 'dialed', proof: null, retryStale: 'replay' })
  const caller = await client(made.address)
  end(await connected(made, 1))
  expect(await caller.received).toMatchObject({ bytes: 0, ending: how.toLowerCase() })
  caller.end()
  await made.result(0)
  expect(made.connector.connects).toEqual(['any'])
})

import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Peer, sha256 } from '../support/peer.js'
import { client, upstream } from '../support/upstream.js'
import { type House, house, ToyConnector, ToyProof } from './toy.js'

/** A session that has come and gone, and left its connection for the next. */
async function usedOnce(made: House): Promise<Peer> {
  const caller = await client(made.address)
  caller.end('ask\n')
  const served = await made.peer(0)
  await served.arrived(4)
  await served.write('answer\n')
  await made.result(0)
  expect(made.connector.endings).toEqual(['reusable'])
  return served
}

// Whether a rule remembers a byte out of turn is its own business: that one came is enough.
describe.each([
  ['a rule that taints', () => new ToyProof()],
  ['a rule that does not', () => new ToyProof(false)],
])('bytes for somebody before, by %s,', (_what, proof) => {
  test('are never delivered to a client that has written nothing, who gets a fresh connection', async () => {
    const made = await house({ proof, retryStale: 'before-first-byte' })
    const served = await usedOnce(made)
    await served.write('late answer of somebody else\n')
    const caller = await client(made.address)
    const fresh = await made.peer(1)
    caller.end('mine\n')
    await fresh.arrived(5)
    await fresh.write('yours\n')
    expect(await caller.received).toMatchObject({ hash: sha256('yours\n'), ending: 'fin' })
    expect(await made.result(1)).toMatchObject({ reason: 'client-end', up: { bytes: 5 }, down: { bytes: 6 } })
    expect(made.connector.connects).toEqual(['any', 'any', 'fresh'])
    expect(made.connector.endings).toEqual(['reusable', 'discarded', 'reusable'])
  })

  test.each([
    ['before the answer', 'mi', 'foreign\n'],
    ['in one piece with the answer', 'mine\n', 'yours\nforeign\n'],
  ])('reset a client that has written, %s, and spend the connection', async (_when, sent, foreign) => {
    const made = await house({ proof, retryStale: 'before-first-byte' })
    const served = await usedOnce(made)
    const caller = await client(made.address)
    await caller.write(sent)
    await served.arrived(4 + sent.length)
    await served.write(foreign)
    expect(await caller.received).toMatchObject({ bytes: 0, ending: 'reset' })
    expect(await made.result(1)).toMatchObject({
      reason: 'upstream-error',
      error: { code: 'ERR_RELAY_FOREIGN_BYTES', side: 'upstream' },
      down: { bytes: 0 },
    })
    expect(made.connector.endings).toEqual(['reusable', 'discarded'])
    expect(made.connector.connects).toEqual(['any', 'any'])
  })

  test('reset a client whose own answer has come, and spend the connection', async () => {
    const made = await house({ proof })
    const served = await usedOnce(made)
    const caller = await client(made.address)
    await caller.write('mine\n')
    await served.arrived(9)
    await served.write('yours\n')
    await caller.arrived(6)
    await served.write('foreign\n')
    expect(await caller.received).toMatchObject({ hash: sha256('yours\n'), ending: 'reset' })
    await made.result(1)
    expect(made.connector.endings).toEqual(['reusable', 'discarded'])
  })

  test('spend the connection when they come after the client, behind an answer that is thrown away', async () => {
    const made = await house({ proof, settleMs: 60_000 })
    const served = await usedOnce(made)
    const caller = await client(made.address)
    await caller.write('mine\n')
    await served.arrived(9)
    caller.reset()
    await caller.closed()
    await expect.poll(() => made.server.stats().active).toBe(1)
    await served.write('yours\nforeign\n')
    await made.result(1)
    expect(made.connector.endings).toEqual(['reusable', 'discarded'])
  })
})

test('a connection that nobody had before may speak first', async () => {
  const made = await house({ origin: 'prewarmed' })
  const caller = await client(made.address)
  await (await made.peer(0)).write('220 welcome\n')
  await caller.arrived(12)
  caller.reset()
  await made.result(0)
  expect(made.connector.connects).toEqual(['any'])
})

test('reading by hand, foreign bytes destroy the guard with their code and spend the lease', async () => {
  const peers: Peer[] = []
  const { target } = await upstream((peer) => peers.push(peer))
  const connector = new ToyConnector(target, { origin: 'reused' })
  const lease = await connector.connect()
  onTestFinished(() => lease.discard())
  const seen: unknown[] = []
  lease.socket.on('data', (chunk) => seen.push(chunk))
  const failed = once(lease.socket, 'error')
  await expect.poll(() => peers.length).toBe(1)
  await peers[0]?.write('foreign\n')
  expect(await failed).toMatchObject([{ code: 'ERR_RELAY_FOREIGN_BYTES' }])
  expect(seen).toEqual([])
  await lease.release()
  expect(connector.endings).toEqual(['invalid'])
})

import { describe, expect, onTestFinished, test } from 'vitest'
import type { CloseReason } from '../../src/close-reason.js'
import { type RelayOptions, relay } from '../../src/relay.js'
import { type Peer, sha256 } from '../support/peer.js'
import { client, upstream } from '../support/upstream.js'
import { clientPair } from '../support/wire.js'
import { type House, house, ToyConnector } from './toy.js'

type Cut = readonly [CloseReason, Omit<RelayOptions, 'signal'>, (made: House) => void]

const cuts: readonly Cut[] = [
  ['idle-timeout', { idleTimeoutMs: 80 }, () => {}],
  ['max-duration', { maxDurationMs: 300 }, () => {}],
  ['draining', {}, ({ server }) => void server.close({ graceMs: 0 })],
  ['killed', {}, ({ server }) => void server.kill(server.sessions()[0]?.id ?? '')],
]

async function asked(options: Omit<RelayOptions, 'signal'>, request: string): Promise<[House, Peer, Peer]> {
  const made = await house({ settleMs: 60_000 }, options)
  const caller = await client(made.address)
  const served = await made.peer(0)
  await caller.write(request)
  await served.arrived(request.length)
  return [made, caller, served]
}

describe.each(cuts)('a session cut short as %s', (reason, options, act) => {
  test('gives an idle connection back untouched, and resets its client', async () => {
    const [made, caller, served] = await asked(options, 'ask\n')
    await served.write('answer\n')
    await caller.arrived(7)
    act(made)
    expect(await caller.received).toMatchObject({ hash: sha256('answer\n'), ending: 'reset' })
    expect(await made.result(0)).toMatchObject({ reason })
    expect(made.connector.endings).toEqual(['reusable'])
    expect([served.socket.readableEnded, served.socket.destroyed]).toEqual([false, false])
  })

  test.each([
    ['busy', 'ask\n'],
    ['in the middle of a request', 'as'],
    ['tainted', 'taint\n'],
  ])('resets a %s connection and its client', async (_state, request) => {
    const [made, caller, served] = await asked(options, request)
    act(made)
    expect(await caller.received).toMatchObject({ bytes: 0, ending: 'reset' })
    expect(await served.received).toMatchObject({ hash: sha256(request), ending: 'reset' })
    expect(await made.result(0)).toMatchObject({ reason })
    expect(made.connector.endings).toEqual(['discarded'])
  })
})

test.each([
  ['idle', 'reusable'],
  ['busy', 'discarded'],
] as const)('the signal of relay() cuts it short: an %s lease is %s', async (state, ending) => {
  const { target } = await upstream(({ socket }) => {
    socket.on('data', () => state === 'idle' && socket.write('answer\n'))
  })
  const connector = new ToyConnector(target)
  const { inner, peer } = await clientPair()
  onTestFinished(() => void peer.socket.destroy())
  const controller = new AbortController()
  const lease = await connector.connect()
  const result = relay(inner, lease, { signal: controller.signal })
  await peer.write('ask\n')
  if (state === 'idle') await peer.arrived(7)
  else await expect.poll(() => lease.proof?.state, { interval: 2, timeout: 10_000 }).toBe('busy')
  controller.abort(new Error('enough'))
  expect(await result).toMatchObject({ reason: 'interrupted' })
  expect(connector.endings).toEqual([ending])
  expect(await peer.received).toMatchObject({ ending: 'reset' })
})

test('a cut while the client has its FIN withheld resets both: the answer is not whole', async () => {
  const [made, caller, served] = await asked({}, 'ask\n')
  caller.end()
  await served.write('half an ans')
  await caller.arrived(11)
  void made.server.close({ graceMs: 0 })
  expect(await caller.received).toMatchObject({ hash: sha256('half an ans'), ending: 'reset' })
  expect(await served.received).toMatchObject({ ending: 'reset' })
  expect(await made.result(0)).toMatchObject({ reason: 'draining' })
  expect(made.connector.endings).toEqual(['discarded'])
})

test('a cut while the upstream has sent its FIN spends the lease', async () => {
  const [made, caller, served] = await asked({}, 'ask\n')
  served.end('answer\n')
  await expect.poll(() => caller.socket.readableEnded, { interval: 2, timeout: 10_000 }).toBe(true)
  void made.server.close({ graceMs: 0 })
  expect(await made.result(0)).toMatchObject({ reason: 'draining' })
  expect(await made.connector.ended(1)).not.toContain('reusable')
})

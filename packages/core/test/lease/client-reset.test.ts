import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type Peer, sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { type House, house, type ToyConnectorOptions } from './toy.js'

const KIB = 1024

type Scene = House & { readonly caller: Peer; readonly served: Peer }

async function asked(request: string, lease: ToyConnectorOptions = {}): Promise<Scene> {
  const made = await house(lease)
  const caller = await client(made.address)
  const served = await made.peer(0)
  await caller.write(request)
  await served.arrived(request.length)
  return { ...made, caller, served }
}

/** Resets, and resolves when the relay has read that: it runs in this process, and its next poll brings it. */
async function resetSeen(caller: Peer): Promise<void> {
  caller.reset()
  await caller.closed()
  for (let turn = 0; turn < 3; turn++) await nextTurn()
}

describe("the client's reset, on a lease with a rule", () => {
  test('gives an idle connection back', async () => {
    const { connector, caller, served, result, address, peer } = await asked('ask\n')
    await served.write('answer\n')
    await caller.arrived(7)
    caller.reset()
    expect(await result(0)).toMatchObject({ reason: 'client-reset', error: { code: 'ERR_RELAY_RESET' } })
    expect(connector.endings).toEqual(['reusable'])
    const next = await client(address)
    await next.write('again\n')
    await (await peer(0)).arrived(10)
    expect(connector.connections.size).toBe(1)
  })

  test('resets a busy one behind everything the client had sent', async () => {
    const { connector, server, address, peer, result } = await house()
    const caller = await client(address)
    const served = await peer(0)
    served.socket.pause()
    const request = `${'x'.repeat(200 * KIB)}\n`
    await caller.write(request)
    await expect.poll(() => server.stats().up.bytes).toBe(request.length)
    caller.reset()
    await expect.poll(() => server.sessions().length).toBe(1)
    served.socket.resume()
    expect(await served.received).toEqual({ bytes: request.length, hash: sha256(request), ending: 'reset' })
    expect(await result(0)).toMatchObject({ reason: 'client-reset' })
    expect(connector.endings).toEqual(['discarded'])
  })

  test.each([
    ['half a request', 'half'],
    ['a request that taints', 'taint\n'],
  ])('resets it after %s, however long answers may take', async (_what, sent) => {
    const { connector, caller, served, result } = await asked(sent, { settleMs: 60_000 })
    caller.reset()
    expect(await served.received).toMatchObject({ hash: sha256(sent), ending: 'reset' })
    await result(0)
    expect(connector.endings).toEqual(['discarded'])
  })
})

describe('with settleMs', () => {
  test('the outstanding answers are thrown away, and the connection serves the next client', async () => {
    const { connector, caller, served, address, result } = await asked('one\ntwo\n', { settleMs: 60_000 })
    await resetSeen(caller)
    await served.write('first')
    await served.write('\nsecond\n')
    expect(await result(0)).toMatchObject({ reason: 'client-reset', down: { bytes: 0 } })
    expect(connector.endings).toEqual(['reusable'])
    const next = await client(address)
    next.end('three\n')
    await served.arrived(14)
    await served.write('third\n')
    expect(await next.received).toMatchObject({ hash: sha256('third\n'), ending: 'fin' })
    expect(connector.connections.size).toBe(1)
  })

  test('64 KiB are thrown away, and not a byte more', async () => {
    for (const [bytes, ending] of [
      [64 * KIB, 'reusable'],
      [64 * KIB + 1, 'discarded'],
    ] as const) {
      const { connector, caller, served, result } = await asked('ask\n', { settleMs: 60_000 })
      await resetSeen(caller)
      await served.write(`${'y'.repeat(bytes - 1)}\n`)
      await result(0)
      expect(connector.endings, `${bytes} bytes`).toEqual([ending])
    }
  })

  test.each<[string, (scene: Scene) => void]>([
    ['the time is over', () => {}],
    ['half an answer has come when the time is over', ({ served }) => void served.write('half')],
    ['the upstream sends FIN', ({ served }) => served.end()],
    ['the upstream sends the answer and FIN', ({ served }) => served.end('answer\n')],
    ['the upstream resets', ({ served }) => served.reset()],
    ['more comes than was asked for', ({ served }) => void served.write('answer\nand more\n')],
  ])('the connection is spent when %s', async (_what, act) => {
    const settleMs = /time/.test(_what) ? 60 : 60_000
    const scene = await asked('ask\n', { settleMs })
    await resetSeen(scene.caller)
    act(scene)
    expect(await scene.result(0)).toMatchObject({ reason: 'client-reset' })
    const [ending] = await scene.connector.ended(1)
    // An answer with a FIN behind it may be taken back before the FIN is seen: whoever keeps the connection reads that.
    if (_what === 'the upstream sends the answer and FIN') expect(ending).toMatch(/discarded|ended|reusable/)
    else expect(ending).not.toBe('reusable')
  })
})

describe('on a prewarmed lease, which needs no rule', () => {
  const prewarmed = { proof: null, origin: 'prewarmed' } as const

  test('a client that resets before any byte gives it back as it was', async () => {
    const { connector, address, peer, result } = await house(prewarmed)
    const caller = await client(address)
    await peer(0)
    caller.reset()
    expect(await result(0)).toMatchObject({ reason: 'client-reset' })
    expect(await connector.ended(1)).toEqual(['reusable'])
  })

  test.each(['up', 'down'] as const)('one byte %s spends it', async (direction) => {
    const { connector, address, peer, result } = await house(prewarmed)
    const caller = await client(address)
    const served = await peer(0)
    await (direction === 'up' ? caller : served).write('.')
    await (direction === 'up' ? served : caller).arrived(1)
    caller.reset()
    expect(await served.received).toMatchObject({ ending: 'reset' })
    await result(0)
    expect(connector.endings).toEqual(['discarded'])
  })
})

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { Peer } from '../../../core/test/support/peer.js'
import { client, upstream } from '../../../core/test/support/upstream.js'
import { connectionPool } from '../../src/index.js'
import { lines, relayed } from './pooled.js'

const MAX_AGE_MS = 1_000
const CONNECTIONS = 100

/** Says its own name to each line. */
function named(name: string): (peer: Peer) => void {
  return ({ socket }) => {
    socket.on('data', () => socket.write(`${name}\n`)).on('end', () => socket.end())
  }
}

function ages(): number[] {
  const found: number[] = []
  const onClose = (message: unknown): void => {
    const { reason, ageMs } = message as { reason: string; ageMs: number }
    if (reason === 'max-lifetime') found.push(ageMs)
  }
  subscribe('relay:pool:close', onClose)
  onTestFinished(() => void unsubscribe('relay:pool:close', onClose))
  return found
}

test('100 reused connections whose name moves leave one after the other, the last at their maximum age; no session fails', async () => {
  const [before, after] = [await upstream(named('old')), await upstream(named('new'))]
  let { target } = before
  const pool = connectionPool({
    dial: async () => connect(target),
    reuse: lines,
    maxLifetimeMs: MAX_AGE_MS,
    lifetimeJitter: 0.5,
  })
  onTestFinished(() => pool.close({ graceMs: 0 }))
  const relay = await relayed(pool)
  const closedAt = ages()
  let sessions = 0
  const ask = async (): Promise<() => Promise<string>> => {
    const caller = await client(relay.address)
    let answer = ''
    caller.socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    await caller.write('who?\n')
    await caller.arrived('old\n'.length)
    return async () => {
      caller.end()
      await caller.received
      sessions++
      return answer
    }
  }
  const first = await Promise.all(Array.from({ length: CONNECTIONS }, ask))
  expect(before.accepted).toBe(CONNECTIONS)
  target = after.target
  await Promise.all(first.map((leave) => leave()))
  // One lent is as old as the others.
  const late = await ask()
  while (closedAt.length < CONNECTIONS - 1) await (await ask())()
  expect(pool.stats().leased).toBe(1)
  await late()
  await expect.poll(() => closedAt.length, { timeout: 10_000 }).toBe(CONNECTIONS)
  for (let round = 0; round < 10; round++) expect(await (await ask())()).toBe('new\n')
  expect(before.accepted).toBe(CONNECTIONS)
  await relay.result(sessions - 1)
  expect(relay.server.stats().closed).toEqual({ 'client-end': sessions })
  // A lease that is out ends at its return; the idle ones have gone in the order that chance drew.
  const idle = closedAt.slice(0, -1).sort((one, other) => one - other)
  expect((idle.at(-1) ?? 0) - (idle[0] ?? 0)).toBeGreaterThan(MAX_AGE_MS / 4)
})

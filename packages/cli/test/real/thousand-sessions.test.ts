import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Child, run } from './support/child.js'
import { startRelay } from './support/relay-process.js'

const SESSIONS = 1_000
const MIB = 1024 * 1024

// The peers check every byte, and each is a process of its own, so that neither can hide what the relay does.
const CROWD = fileURLToPath(new URL('./support/crowd.mjs', import.meta.url))

interface Report {
  readonly good: number
  readonly faults: readonly string[]
  readonly ms: number
}

test('1,000 concurrent sessions of 1 MiB each way arrive unchanged, each its own', async () => {
  const upstream = new Child(process.execPath, [CROWD, 'upstream'])
  await upstream.printed(({ stdout }) => stdout.includes('\n'))
  const relay = await startRelay(`127.0.0.1:${Number(upstream.stdout.toString())}`)
  const clients = await run(process.execPath, [CROWD, 'client', `${relay.port}`, `${SESSIONS}`])
  const { good, faults, ms } = JSON.parse(clients.stdout.toString()) as Report
  expect(faults).toEqual([])
  expect(good).toBe(SESSIONS)

  const sessions = await relay.ended(SESSIONS)
  expect(new Set(sessions.map(({ reason, up, down }) => `${reason} ${up} ${down}`))).toEqual(
    new Set([`client-end ${MIB} ${MIB}`]),
  )
  const rate = Math.round((2 * SESSIONS) / (ms / 1_000))
  const { peak } = relay.residentBytes()
  await relay.expectCleanEnd()
  console.log(
    `${SESSIONS} sessions of 1 MiB each way: ${Math.round(ms)} ms, ${rate} MiB/s, relay at most ${Math.round(peak / MIB)} MiB`,
  )
}, 90_000)

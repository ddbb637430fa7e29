import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { describeWith } from '../real/support/programs.js'
import { type RelayProcess, startRelay } from '../real/support/relay-process.js'
import { NETWORK_PROGRAMS, ownNetwork } from './support/network.js'
import { PeerProcess } from './support/peer-process.js'
import { figures, sized } from './support/size.js'

const SESSIONS = sized(1_000, 8_000)
const WARM_UP_SESSIONS = 200
const MOST_BYTES_EACH = 20_000

// Few sessions leave in V8's young generation what many have long made it collect.
const YOUNG_BYTES = sized(16 * 1024 * 1024, 0)

// What the loop does on a shared machine with other tests beside it says nothing.
const MOST_DELAY_MS = sized(Number.POSITIVE_INFINITY, 100)

describeWith(NETWORK_PROGRAMS, `${SESSIONS} idle sessions in one process`, () => {
  test('each takes 20 KB of resident memory at most, and a stop at its drain deadline cuts and counts them all', async () => {
    const under = await ownNetwork()
    const echo = new PeerProcess(under, 'echo.mjs')
    const upstream = `127.0.0.1:${await echo.number('port')}`
    const relay = await startRelay(upstream, { under, flags: ['--drain', '100ms'] })
    const first = new PeerProcess(under, 'idle-clients.mjs', relay.port, WARM_UP_SESSIONS)
    await first.says('idle')
    await first.tell('end')
    await relay.ended(WARM_UP_SESSIONS)
    const before = await settled(relay)

    const clients = new PeerProcess(under, 'idle-clients.mjs', relay.port, SESSIONS)
    await clients.says('idle')
    const now = await settled(relay)
    const each = Math.round((now - before) / SESSIONS)
    figures(
      `${SESSIONS} idle sessions`,
      `${each} bytes of resident memory each, ${mib(before)} MiB before them`,
    )
    expect(now - before).toBeLessThanOrEqual(SESSIONS * MOST_BYTES_EACH + YOUNG_BYTES)

    const stopped = relay.stop()
    expect(await clients.says('resets')).toEqual({ ends: 0, resets: SESSIONS })
    expect(await stopped).toBe(0)
    expect(relay.totals?.closed).toEqual({ 'client-end': WARM_UP_SESSIONS, draining: SESSIONS })
    const lines = relay.sessions.length - WARM_UP_SESSIONS
    figures(
      `${SESSIONS} idle sessions, SIGTERM`,
      `all reset and counted as draining, ${lines} in lines of their own`,
    )
  })

  test('the event loop is never held up for 100 ms when the relay cuts them all', async () => {
    const how = 'the relay cuts them all'
    const delayMs = await longestDelay(
      'relay-server.mjs',
      'close',
      how,
      { ends: 0, resets: SESSIONS },
      'draining',
    )
    expect(delayMs).toBeLessThan(MOST_DELAY_MS)
  })

  // Node takes all events that wait in one turn of its loop, however many: a tenth of a second and more of its own for these.
  test.each([
    ['their clients all leave at once', 'end', 'client-end', { ends: SESSIONS, resets: 0 }],
    ['their clients all are gone at once', 'reset', 'client-reset', { ends: 0, resets: 0 }],
  ] as const)(
    "the event loop is held up for less than Node's pipe takes when %s",
    async (how, word, reason, ended) => {
      const pipeMs = await longestDelay('pipe-server.mjs', word, `${how}, Node's pipe`, ended)
      expect(await longestDelay('relay-server.mjs', word, how, ended, reason)).toBeLessThan(
        sized(Number.POSITIVE_INFINITY, pipeMs),
      )
    },
  )
})

/** The longest that the event loop of this program between clients and echo is late when all sessions end by this word. */
async function longestDelay(
  program: string,
  word: 'close' | 'end' | 'reset',
  how: string,
  ended: object,
  reason?: string,
): Promise<number> {
  const under = await ownNetwork()
  const echo = new PeerProcess(under, 'echo.mjs')
  const middle = new PeerProcess(under, program, await echo.number('port'))
  const clients = new PeerProcess(under, 'idle-clients.mjs', await middle.number('port'), SESSIONS)
  await clients.says('idle')
  await middle.tell('watch')
  await middle.says('watching')
  await (word === 'close' ? middle : clients).tell(word)
  expect(await clients.says('resets')).toEqual(ended)
  await middle.says('empty')
  await middle.tell('report')
  const delayMs = await middle.number('delayMs')
  if (reason !== undefined) expect((await middle.says('closed')).closed).toEqual({ [reason]: SESSIONS })
  figures(`${SESSIONS} idle sessions, ${how}`, `the event loop was late by ${Math.round(delayMs)} ms at most`)
  return delayMs
}

/** Resident memory, when it has not changed for a while. */
async function settled(relay: RelayProcess): Promise<number> {
  for (;;) {
    const { now } = relay.residentBytes()
    await sleep(2_000)
    if (Math.abs(relay.residentBytes().now - now) < 0.01 * now) return relay.residentBytes().now
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}

import { expect, test } from 'vitest'
import { random, seed } from '../../../core/test/support/random.js'
import { connectionPool, redis } from '../../src/index.js'
import { fakeServer } from './fake-server.js'
import { RedisProcess, withoutRedis } from './redis-process.js'
import { type Plan, relayed, runCrowd, sessionCount } from './relayed.js'
import { anyScript, goodScript, type Script } from './scripts.js'
import { turnsUntil } from './turns-until.js'
import { isWhole, leavings, wrongReplies } from './visit.js'
import { Wires } from './wires.js'

// For 100,000 sessions of each kind: RELAY_SESSIONS=100000 npx vitest run packages/pool/test/foreign/no-foreign-byte.test.ts
const hostileSessions = sessionCount(4_000)
const realSessions = sessionCount(3_000)
const timeoutOf = (sessions: number): number => 90_000 + sessions * 10

type Rng = ReturnType<typeof random>

/** Leaves at any step, in any way. */
function anyPlan(script: Script, rng: Rng): Plan {
  return { script, leaving: rng.pick(leavings(script)), how: rng.pick(['fin', 'close', 'reset'] as const) }
}

// With more connections than clients some lie idle; with fewer a client waits for what another gives back.
for (const { max, settleMs, retryStale } of [
  { max: 150, settleMs: 0, retryStale: 'before-first-byte' },
  { max: 60, settleMs: 25, retryStale: 'replay' },
] as const) {
  test(
    `nothing of a session reaches another through a hostile server (max ${max}, settleMs ${settleMs}, retryStale ${retryStale})`,
    async () => {
      const wires = new Wires()
      const server = await fakeServer(seed, wires)
      const dial = wires.dial(server.port)
      const pool = connectionPool({ dial, reuse: redis(), max, settleMs, retryStale })
      const port = await relayed(pool, wires.watch(pool))
      let strays = 0
      const outcome = await runCrowd({
        port,
        sessions: hostileSessions / 2,
        atOnce: 100,
        rng: random(seed),
        wires,
        // A hostile server may leave it with half a reply.
        patienceMs: 500,
        plan: (id, rng) => anyPlan(anyScript(id, rng, false), rng),
        judge: () => undefined,
        lull: async () => {
          await turnsUntil(() => pool.stats().checking === 0)
          if (pool.stats().checking > 0) return
          strays++
          const read = server.stray()
          await turnsUntil(read)
        },
      })
      const { lent, closed } = pool.stats()
      const { sessions, foreign } = outcome
      console.log(
        `hostile server, seed ${seed}: ${JSON.stringify({ sessions, opened: server.accepted, strays, lent, closed, misdeeds: server.misdeeds, foreignBytes: foreign.length, foreignState: server.complaints.length })}`,
      )
      expect(foreign.slice(0, 9), `seed ${seed}`).toEqual([])
      expect(server.complaints.slice(0, 9), `seed ${seed}`).toEqual([])
      // It has come to what this is about.
      expect(lent.reused).toBeGreaterThan(sessions / 20)
      expect(strays).toBeGreaterThan(0)
    },
    timeoutOf(hostileSessions),
  )
}

test.skipIf(withoutRedis)(
  'nothing of a session reaches another through a real server, wherever its client leaves',
  async () => {
    const server = await RedisProcess.start()
    const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis(), max: 60 })
    const port = await relayed(pool)
    const { sessions, foreign, wrong, left } = await runCrowd({
      port,
      sessions: realSessions,
      atOnce: 100,
      rng: random(seed),
      plan: (id, rng) => anyPlan(anyScript(id, rng, true), rng),
      judge: wrongReplies,
    })
    const { created, lent, closed } = pool.stats()
    console.log(
      `real server, seed ${seed}: ${JSON.stringify({ sessions, opened: created, lent, closed, foreignBytes: foreign.length, foreignState: wrong.length, left })}`,
    )
    expect(foreign.slice(0, 9), `seed ${seed}`).toEqual([])
    expect(wrong.slice(0, 9), `seed ${seed}`).toEqual([])
    expect(lent.reused).toBeGreaterThan(sessions / 20)
  },
  timeoutOf(realSessions),
)

test.skipIf(withoutRedis)(
  'opens at most one connection for twenty sessions that end cleanly, whatever state they leave',
  async () => {
    const server = await RedisProcess.start()
    const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis() })
    const port = await relayed(pool)
    let clean = 0
    const { sessions, foreign, wrong } = await runCrowd({
      port,
      sessions: realSessions,
      atOnce: 40,
      rng: random(seed),
      plan: (id, rng) => ({
        script: goodScript(id, rng, true),
        leaving: rng.pick(['whole', 'half-close'] as const),
        how: 'fin',
      }),
      judge: (visitor, visit) => {
        if (isWhole(visitor, visit) && visitor.endedWell) clean++
        return wrongReplies(visitor, visit)
      },
    })
    const { created, lent } = pool.stats()
    console.log(
      `clean sessions, seed ${seed}: ${JSON.stringify({ sessions, clean, opened: created, lent, foreignBytes: foreign.length, foreignState: wrong.length })}`,
    )
    expect(foreign.slice(0, 9), `seed ${seed}`).toEqual([])
    expect(wrong.slice(0, 9), `seed ${seed}`).toEqual([])
    expect(clean).toBe(sessions)
    expect(created).toBeLessThanOrEqual(clean / 20)
  },
  timeoutOf(realSessions),
)

import { type Connector, createRelayServer } from '@relay/core'
import { expect, onTestFinished, test } from 'vitest'
import { random, seed } from '../../../core/test/support/random.js'
import { type ConnectionPool, connectionPool } from '../../src/index.js'
import { turnsUntil } from '../foreign/turns-until.js'
import { Wires } from '../foreign/wires.js'
import { runCrowd } from './rule-kit-crowd.js'
import { serve } from './rule-kit-hostile.js'
import { protocols } from './rule-kit-protocols.js'

// For 100,000 sessions of each: RELAY_SESSIONS=100000 npx vitest run packages/pool/test/rules/rule-kit-foreign.test.ts
const sessions = Number(process.env.RELAY_SESSIONS ?? 2_000)
const timeout = 30_000 + sessions * 10

async function relayed(pool: ConnectionPool, upstream: Connector = pool): Promise<number> {
  const relay = createRelayServer({ upstream, lingerMs: 2_000 })
  const address = await relay.listen(0)
  onTestFinished(async () => {
    await relay.close({ graceMs: 0 })
    await pool.close({ graceMs: 0 })
  })
  return 'port' in address ? address.port : 0
}

for (const protocol of protocols) {
  test(
    `${protocol.name}: nothing of a session reaches another through a hostile server`,
    async () => {
      const wires = new Wires()
      const rng = random(seed)
      const server = await serve(protocol, rng, wires)
      const settleMs = rng.pick([0, 25])
      const pool = connectionPool({ dial: wires.dial(server.port), reuse: protocol.rule, max: 60, settleMs })
      const port = await relayed(pool, wires.watch(pool))
      const outcome = await runCrowd({
        protocol,
        port,
        sessions,
        atOnce: 100,
        rng,
        clean: false,
        wires,
        patienceMs: 500,
        lull: async () => {
          await turnsUntil(() => !busy(pool))
          if (busy(pool)) return
          const read = server.stray()
          await turnsUntil(read)
        },
      })
      const { lent, closed } = pool.stats()
      const { foreign, left } = outcome
      const { accepted: opened, misdeeds } = server
      console.log(
        `${protocol.name}, hostile, seed ${seed}: ${JSON.stringify({ sessions: outcome.sessions, opened, settleMs, lent, closed, misdeeds, left, foreign: foreign.length })}`,
      )
      expect(foreign.slice(0, 9), `seed ${seed}`).toEqual([])
      // It has come to what this is about.
      expect(lent.reused).toBeGreaterThan(sessions / 10)
      for (const misdeed of ['stray', 'early', 'late', 'duplicate', 'surplus']) {
        expect(misdeeds[misdeed], misdeed).toBeGreaterThan(0)
      }
    },
    timeout,
  )

  test(
    `${protocol.name}: at most one connection is opened for twenty sessions that end cleanly`,
    async () => {
      const rng = random(seed)
      const server = await serve(protocol, rng)
      const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: protocol.rule })
      const port = await relayed(pool)
      const { foreign, wrong } = await runCrowd({
        protocol,
        port,
        sessions,
        atOnce: 20,
        rng,
        clean: true,
        patienceMs: 0,
      })
      console.log(
        `${protocol.name}, clean, seed ${seed}: ${JSON.stringify({ sessions, opened: server.accepted })}`,
      )
      expect(foreign.slice(0, 9), `seed ${seed}`).toEqual([])
      expect(wrong.slice(0, 9), `seed ${seed}`).toEqual([])
      expect(server.accepted).toBeLessThanOrEqual(sessions / 20)
    },
    timeout,
  )
}

function busy(pool: ConnectionPool): boolean {
  const { waiting, checking, dialing } = pool.stats()
  return waiting + checking + dialing > 0
}

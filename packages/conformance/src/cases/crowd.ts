import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from '../arena.js'
import type { Case, Finding } from '../case.js'
import { both, judge } from '../judge.js'

const SESSIONS = 100
const BYTES = 200 * 1024

/** Many at once: no byte of one session reaches another. */
export const crowdCases: readonly Case[] = [
  {
    id: 'crowd-own-content',
    claim: `${SESSIONS} sessions at once, 200 KiB of their own both ways in pieces: each gets its own bytes, then FIN`,
    alone: true,
    async run(arena) {
      const findings = await Promise.all(Array.from({ length: SESSIONS }, (_, n) => one(arena, n)))
      const whole = findings.filter(({ pass }) => pass).length
      const seen = findings.find(({ pass }) => !pass)?.seen
      return {
        pass: whole === SESSIONS,
        seen: seen === undefined ? `all ${whole} whole` : `${whole} whole; ${seen}`,
      }
    },
  },
]

async function one(arena: Arena, seed: number): Promise<Finding> {
  const { client, server } = await arena.session()
  const talk = async (peer: typeof client, step: number): Promise<void> => {
    while (peer.sent < BYTES) {
      peer.send(Math.min(step, BYTES - peer.sent))
      await sleep(seed % 7)
    }
    // Half-close has its own claims: here the session ends when both have everything.
    await peer.arrived(BYTES, 8_000)
  }
  await Promise.all([talk(client, 4_099 + seed * 331), talk(server, 20_011 - seed * 97)])
  client.finish()
  server.finish()
  return both(
    await judge('client', client, { atLeast: BYTES, ending: 'FIN' }),
    await judge('server', server, { atLeast: BYTES, ending: 'FIN' }),
  )
}

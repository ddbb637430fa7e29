import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena, Session, SessionOptions } from '../arena.js'
import type { Case, Finding } from '../case.js'
import { both, bytes, every, judge } from '../judge.js'

const KIB = 1024
const TALKING = 100
const TALK = 200 * KIB
const FEW = 64
const LATE = 500
const LATE_BYTES = 64 * KIB
// Connections that are being made at once: a unix socket's queue of them is short.
const OPENING = 32

/** Many at once: no byte of one session reaches another, and each ends as it would alone. */
export function crowdCases(sessions: number): readonly Case[] {
  const late = Math.min(LATE, sessions)
  return [
    {
      id: 'crowd-own-content',
      claim: `${TALKING} sessions at once, 200 KiB of their own both ways in pieces: each gets its own bytes, then FIN`,
      alone: true,
      run: async (arena) =>
        every(await Promise.all(Array.from({ length: TALKING }, (_, n) => talk(arena, n)))),
    },
    {
      id: 'crowd-fin',
      claim: `${sessions} sessions, both sides send ${FEW} B and FIN at the same moment: each gets its own bytes, then FIN`,
      halfClose: 'forward',
      alone: true,
      limitMs: 60_000,
      run: (arena) => finAtOnce(arena, sessions, FEW),
    },
    {
      id: 'crowd-end',
      claim: `${sessions} sessions, both sides send ${FEW} B and FIN at the same moment: each sees FIN`,
      halfClose: 'close',
      alone: true,
      limitMs: 60_000,
      run: (arena) => finAtOnce(arena, sessions, 0),
    },
    {
      id: 'crowd-late-readers',
      claim: `${late} sessions, upstream sends ${bytes(LATE_BYTES)} and FIN, the clients read late: each gets all of it, then FIN`,
      alone: true,
      limitMs: 30_000,
      async run(arena) {
        const all = await open(arena, late, { late: 'client' })
        for (const { server } of all) {
          server.send(LATE_BYTES)
          server.finish()
        }
        await sleep(1_000)
        for (const { client } of all) client.read()
        const expected = { atLeast: LATE_BYTES, ending: 'FIN', withinMs: 15_000 } as const
        return every(await Promise.all(all.map(({ client }) => judge('client', client, expected))))
      },
    },
  ]
}

async function talk(arena: Arena, seed: number): Promise<Finding> {
  const { client, server } = await arena.session()
  const say = async (peer: typeof client, step: number): Promise<void> => {
    while (peer.sent < TALK) {
      peer.send(Math.min(step, TALK - peer.sent))
      await sleep(seed % 7)
    }
    // Half-close has its own claims: here the session ends when both have everything.
    await peer.arrived(TALK, 8_000)
  }
  await Promise.all([say(client, 4_099 + seed * 331), say(server, 20_011 - seed * 97)])
  client.finish()
  server.finish()
  return both(
    await judge('client', client, { atLeast: TALK, ending: 'FIN' }),
    await judge('server', server, { atLeast: TALK, ending: 'FIN' }),
  )
}

async function finAtOnce(arena: Arena, sessions: number, atLeast: number): Promise<Finding> {
  const all = await open(arena, sessions)
  for (const side of ['server', 'client'] as const) {
    for (const { [side]: peer } of all) {
      peer.send(FEW)
      peer.finish()
    }
  }
  const expected = { atLeast, sent: FEW, ending: 'FIN', withinMs: 20_000 } as const
  return every(
    await Promise.all(
      all.map(async ({ client, server }) =>
        both(await judge('client', client, expected), await judge('server', server, expected)),
      ),
    ),
  )
}

async function open(arena: Arena, count: number, options: SessionOptions = {}): Promise<readonly Session[]> {
  const all: Session[] = []
  let left = count
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      all.push(await arena.session(options))
    }
  }
  await Promise.all(Array.from({ length: OPENING }, lane))
  return all
}

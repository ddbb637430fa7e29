import { setImmediate as turn } from 'node:timers/promises'
import { type Connector, createRelayServer } from '@relay/core'
import { onTestFinished } from 'vitest'
import type { random } from '../../../core/test/support/random.js'
import type { ConnectionPool } from '../../src/index.js'
import { identity } from './identity.js'
import { echo, type Script } from './scripts.js'
import { foreignBytes, type Leaving, play, type Visit } from './visit.js'
import { Visitor } from './visitor.js'
import type { Wires } from './wires.js'

type Rng = ReturnType<typeof random>

/** How many sessions a test has: `RELAY_SESSIONS`, or few enough for every run of the suite. */
export function sessionCount(usual: number): number {
  return Number(process.env.RELAY_SESSIONS ?? usual)
}

/** A relay on a pool; both are gone when the test is. */
export async function relayed(pool: ConnectionPool, upstream: Connector = pool): Promise<number> {
  const relay = createRelayServer({ upstream, lingerMs: 2_000 })
  const address = await relay.listen(0)
  onTestFinished(async () => {
    await relay.close({ graceMs: 0 })
    await pool.close({ graceMs: 0 })
  })
  return 'port' in address ? address.port : 0
}

export interface Plan {
  readonly script: Script
  readonly leaving: Leaving
  readonly how: Visit['how']
}

export interface Crowd {
  readonly port: number
  readonly sessions: number
  readonly atOnce: number
  readonly rng: Rng
  plan(id: string, rng: Rng): Plan
  /** A session is over. */
  judge(visitor: Visitor, visit: Visit): string | undefined
  /** How long a client waits for anything; by default for ever. */
  readonly patienceMs?: number
  readonly wires?: Wires
  /** Now and then, while no client writes. */
  lull?(): Promise<void>
}

export interface Outcome {
  readonly sessions: number
  /** Bytes of one session that reached another. */
  readonly foreign: readonly string[]
  /** What `judge` said. */
  readonly wrong: readonly string[]
  readonly left: Readonly<Record<string, number>>
}

const LULL_EVERY = 50

/** Plays many sessions, some at a time. */
export async function runCrowd(crowd: Crowd): Promise<Outcome> {
  const { rng, sessions } = crowd
  const outcome = {
    sessions: 0,
    foreign: [] as string[],
    wrong: [] as string[],
    left: {} as Record<string, number>,
  }
  let number = 0
  let closed: Promise<void> | undefined
  const gate = async (): Promise<void> => {
    while (closed !== undefined) await closed
  }
  const visitor = (): Visitor => {
    const made = new Visitor(crowd.port, crowd.patienceMs ?? 0)
    made.socket.once('connect', () => crowd.wires?.register(made))
    return made
  }
  const visitOnce = async (id: string, plan: Plan): Promise<void> => {
    const visit: Visit = { id, ...plan, rng, gate }
    const guest = visitor()
    await play(guest, visit)
    const { afterwards } = plan.script
    if (afterwards !== undefined) {
      const pusher = identity(++number)
      const steps = [[echo(pusher)], afterwards]
      await visitOnce(pusher, { script: { steps }, leaving: 'whole', how: 'fin' })
    }
    await guest.until(() => false)
    guest.socket.destroy()
    outcome.sessions++
    const how = `${plan.leaving}, ${plan.how}`
    outcome.left[how] = (outcome.left[how] ?? 0) + 1
    note(outcome.foreign, foreignBytes(guest, id))
    note(outcome.wrong, crowd.judge(guest, visit))
  }
  const worker = async (): Promise<void> => {
    while (number < sessions) {
      await gate()
      const id = identity(++number)
      await visitOnce(id, crowd.plan(id, rng))
    }
  }
  const lulls = async (): Promise<void> => {
    for (let last = number; number < sessions; await turn()) {
      if (number - last < LULL_EVERY || crowd.lull === undefined) continue
      last = number
      let open = (): void => {}
      closed = new Promise((resolve) => {
        open = resolve
      })
      await crowd.lull()
      closed = undefined
      open()
    }
  }
  await Promise.all([...Array.from({ length: crowd.atOnce }, worker), crowd.lull && lulls()])
  return outcome
}

function note(list: string[], complaint: string | undefined): void {
  if (complaint !== undefined) list.push(complaint)
}

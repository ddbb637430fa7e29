import { setImmediate as turn } from 'node:timers/promises'
import type { random } from '../../../core/test/support/random.js'
import { strangersIn } from './identity.js'
import { replyEnd, request } from './resp.js'
import type { Command, Script } from './scripts.js'
import type { Visitor } from './visitor.js'

const PATIENT = ['half an answer', 'mid-pipeline', 'half-close', 'whole'] as const
const IMPATIENT = ['silent', 'half a command', 'unread'] as const

/** Where a session stops. */
export type Leaving = (typeof PATIENT | typeof IMPATIENT)[number]

/** Where a session with this script can stop. */
export function leavings(script: Script): readonly Leaving[] {
  return script.blocks ? IMPATIENT : [...PATIENT, ...IMPATIENT]
}

export interface Visit {
  readonly id: string
  readonly script: Script
  readonly leaving: Leaving
  readonly how: 'fin' | 'close' | 'reset'
  readonly rng: ReturnType<typeof random>
  /** Resolves when a client may write. */
  readonly gate: () => Promise<void>
}

const text = (commands: readonly Command[]): string => commands.map(({ parts }) => request(parts)).join('')

/** Plays one session up to where it leaves; resolves when it has left, which the other side may not know yet. */
export async function play(visitor: Visitor, visit: Visit): Promise<void> {
  const { script, leaving, rng, gate } = visit
  await visitor.connected()
  // While it is silent its connection still shows what the last session has left.
  for (let turns = rng.int(3) === 0 ? rng.int(40) : 0; turns > 0; turns--) await turn()
  const steps = [...script.steps]
  const lastIndex = leaving === 'whole' || leaving === 'half-close' ? steps.length - 1 : rng.int(steps.length)
  if (leaving !== 'silent') {
    let owed = 0
    for (const step of steps.slice(0, lastIndex)) {
      owed += step.length
      await say(visitor, visit, text(step))
      await visitor.until(() => visitor.replies >= owed)
    }
    const last = steps[lastIndex] as readonly Command[]
    await gate()
    await leaveAt(visitor, visit, last, owed)
  } else {
    for (let turns = rng.int(6); turns > 0; turns--) await turn()
    await gate()
  }
  if (leaving !== 'half-close') visitor.leave(visit.how)
}

async function leaveAt(
  visitor: Visitor,
  visit: Visit,
  last: readonly Command[],
  owed: number,
): Promise<void> {
  const { leaving, rng } = visit
  const bytes = text(last)
  if (leaving === 'half a command') {
    visitor.saidAll = true
    visitor.write(bytes.slice(0, 1 + rng.int(bytes.length - 1)))
    for (let turns = rng.int(4); turns > 0; turns--) await turn()
    await visit.gate()
    return
  }
  const before = visitor.received.length
  if (leaving === 'half-close') {
    visitor.saidAll = true
    visitor.write(bytes)
    visitor.socket.end()
  } else await say(visitor, visit, bytes, true)
  if (leaving === 'unread') return
  if (leaving === 'half an answer') {
    const some = before + 1 + rng.int(20)
    return visitor.until(() => visitor.received.length >= some || visitor.replies >= owed + last.length)
  }
  const replies = owed + (leaving === 'mid-pipeline' ? 1 + rng.int(last.length) : last.length)
  await visitor.until(() => visitor.replies >= replies)
}

/** One write, or two with a turn of the loop between. */
async function say(visitor: Visitor, { rng, gate }: Visit, bytes: string, last = false): Promise<void> {
  let at = 0
  if (rng.int(4) === 0) {
    at = rng.int(bytes.length)
    await gate()
    visitor.write(bytes.slice(0, at))
    await turn()
  }
  await gate()
  visitor.saidAll = last
  visitor.write(bytes.slice(at))
}

/** Bytes of other sessions among those that a visitor received. */
export function foreignBytes(visitor: Visitor, id: string): string | undefined {
  const strangers = strangersIn(visitor.received, id)
  return strangers.length > 0 ? `${id} received bytes of ${strangers}` : undefined
}

/** What is wrong with the replies to the script, as far as they came; for a server that is not hostile. */
export function wrongReplies(visitor: Visitor, { id, script }: Visit): string | undefined {
  const commands = script.steps.flat()
  let at = afterPushes(visitor.received, 0)
  for (const { parts, expect } of commands) {
    const end = replyEnd(visitor.received, at)
    const reply = visitor.received.slice(at, end < 0 ? undefined : end)
    const wrong =
      typeof expect === 'string'
        ? !(end < 0 ? expect.startsWith(reply) : expect === reply)
        : end >= 0 && expect(reply)
    if (wrong) return `${id}: ${parts[0]} was answered ${JSON.stringify(reply.slice(0, 300))} ${wrong}`
    if (end < 0) return undefined
    at = afterPushes(visitor.received, end)
  }
  const surplus = visitor.received.slice(at)
  return surplus === '' || script.afterwards !== undefined
    ? undefined
    : `${id} received more than its answers: ${JSON.stringify(surplus.slice(0, 300))}`
}

/** The first byte behind what was pushed. */
function afterPushes(text: string, at: number): number {
  const end = text[at] === '>' ? replyEnd(text, at) : -1
  return end < 0 ? at : afterPushes(text, end)
}

/** Every answer came, and nothing was owed when it left. */
export function isWhole(visitor: Visitor, { script }: Visit): boolean {
  return visitor.replies >= script.steps.flat().length
}

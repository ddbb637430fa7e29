import { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { type OptionCheck, text } from './options.js'
import type { SessionInfo } from './session-info.js'
import type { StepFunction } from './stream-chain.js'

export type { SessionInfo } from './session-info.js'
export {
  flushable,
  type Many,
  many,
  none,
  type StepFunction,
  type StepOutput,
  type StepValue,
  stop,
} from './stream-chain.js'

/** Which way bytes go: `up` from the client to the upstream, `down` back. */
export type Direction = 'up' | 'down'

/** One step: a function, or a stream of bytes such as a `Transform`, which must not have been used before. */
export type Step = StepFunction | Duplex

/** What a stage does one way, in order; `undefined` lets the bytes pass. */
export type Steps = Step | readonly Step[] | undefined

/** What a stage knows when its steps are made. */
export interface StageContext {
  readonly direction: Direction
  readonly session: SessionInfo
  /** Aborted when the session is over, however it ended: what still waits can be given up. */
  readonly signal: AbortSignal
}

/** Both directions of one session, made by {@link Stage.open}. */
export interface OpenStage {
  up?(context: StageContext): Steps
  down?(context: StageContext): Steps
  /** The session is over; called once, whatever happened. */
  close?(): void
}

/**
 * Changes the bytes of a session on their way. Any object of this shape will do; {@link defineStage} types and checks one.
 *
 * Its steps are made anew for each session and direction, so what a factory declares belongs to one session alone. `open` gives
 * both directions of a session a place to share.
 *
 * **Fails**: whatever a step throws, rejects with or emits as an error ends its session as `stage-error`, and no other.
 * **Backpressure**: a function is called with the next chunk when all it returned has gone on. **Ends**: at the end of its input a
 * stream ends, and a {@link flushable} function gives its tail; a step that ends before its input ends the session as `stage-end`.
 * **Cancels**: streams are destroyed, generators returned, `abort` of a flushable and `close` are called.
 */
export interface Stage {
  readonly name: string
  up?(context: StageContext): Steps
  down?(context: StageContext): Steps
  /** Instead of `up` and `down`: both directions of a session share one closure. */
  open?(session: SessionInfo): OpenStage
}

/** Types and checks a stage. **Fails** with a `TypeError` that names what is wrong. */
export function defineStage(stage: Stage): Stage {
  const expected = stageCheck(stage)
  if (expected !== undefined) {
    throw new TypeError(`defineStage: expected ${expected}, got ${inspect(stage, { depth: 1 })}`)
  }
  return stage
}

/** Says what a stage must be when `value` is none. */
const stageCheck: OptionCheck = (value) => {
  if (typeof value !== 'object' || value === null) return 'a stage: { name, up?, down?, open? }'
  const { name, up, down, open } = value as Stage
  if (text(name) !== undefined) return 'a stage with a "name" that is text'
  for (const [key, member] of Object.entries({ up, down, open })) {
    if (member !== undefined && typeof member !== 'function') return `a stage whose "${key}" is a function`
  }
  if (open !== undefined && (up ?? down) !== undefined) return 'a stage with either "open" or "up" and "down"'
  if ((open ?? up ?? down) === undefined) return 'a stage with "up", "down" or "open"'
  return undefined
}

/** Says what a list of stages must be when `value` is none. */
export const stagesCheck: OptionCheck = (value) => {
  if (!Array.isArray(value)) return 'an array of stages'
  for (const [index, stage] of value.entries()) {
    const expected = stageCheck(stage)
    if (expected !== undefined) return `an array of stages, each ${expected} (see [${index}])`
  }
  return undefined
}

/** The steps as a list. **Fails** for what is no step. */
export function stepList(steps: Steps): readonly Step[] {
  const list = Array.isArray(steps)
    ? steps.flat(Number.POSITIVE_INFINITY)
    : steps === undefined
      ? []
      : [steps]
  for (const step of list) {
    if (typeof step === 'function' || step instanceof Duplex) continue
    throw new TypeError(`expected each step to be a function or a Duplex, got ${inspect(step, { depth: 0 })}`)
  }
  return list
}

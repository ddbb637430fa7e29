import { inspect } from 'node:util'
import { adoptPromise } from './adopt-promise.js'
import type { SessionInfo } from './session-info.js'
import {
  type Direction,
  type OpenStage,
  type Stage,
  type StageContext,
  type Step,
  stepList,
} from './stage.js'

/**
 * The two directions of a stage for one session.
 *
 * **Fails** for what `open` must not return: were it taken for a stage that does nothing, a filter would let everything through.
 */
export function openStage(stage: Stage, session: SessionInfo): OpenStage {
  if (stage.open === undefined) return stage
  const opened: unknown = stage.open(session)
  refusePromise('open', opened)
  if (typeof opened !== 'object' || opened === null || Array.isArray(opened)) {
    throw new TypeError(
      `expected "open" to return { up?, down?, close? }, got ${inspect(opened, { depth: 0 })}`,
    )
  }
  for (const key of ['up', 'down', 'close'] as const) {
    const member = (opened as OpenStage)[key]
    if (member === undefined || typeof member === 'function') continue
    const got = inspect(member, { depth: 0 })
    throw new TypeError(`expected "open" to return an object whose "${key}" is a function, got ${got}`)
  }
  return opened
}

/** The steps of an open stage in one direction. **Fails** for what is no step. */
export function openSteps(opened: OpenStage, context: StageContext): readonly Step[] {
  const { direction } = context
  const steps: unknown = opened[direction]?.(context)
  refusePromise(direction, steps)
  if (Array.isArray(steps)) for (const step of steps) refusePromise(direction, step)
  return stepList(steps as ReturnType<NonNullable<OpenStage[Direction]>>)
}

function refusePromise(method: 'open' | Direction, value: unknown): void {
  // Nobody else will hear of its rejection.
  if (!adoptPromise(value)) return
  throw new TypeError(
    `expected "${method}" to return at once, got a promise: a step may be asynchronous, what makes it may not`,
  )
}

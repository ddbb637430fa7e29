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
import { closeUnused, destroyUnused } from './unused-stage.js'

/** A stage that was opened for a session. What it returns is not looked at yet. */
export interface OpenedStage extends Readonly<Record<Direction, (context: StageContext) => unknown>> {
  readonly close: () => unknown
}

/**
 * The two directions of a stage for one session.
 *
 * **Fails** for what `open` must not return: were it taken for a stage that does nothing, a filter would let everything through.
 */
export function openStage(stage: Stage, session: SessionInfo): OpenedStage {
  const { open } = stage
  // Its `close`, if it has one, is not of this session.
  if (open === undefined) return membersOf(stage, ['up', 'down'], 'a stage')
  const opened: unknown = open.call(stage, session)
  try {
    refusePromise('open', opened)
    if (typeof opened !== 'object' || opened === null || Array.isArray(opened)) {
      throw new TypeError(`expected "open" to return { up?, down?, close? }, got ${shown(opened)}`)
    }
    return membersOf(opened, ['up', 'down', 'close'], '"open" to return an object')
  } catch (error) {
    closeUnused(opened)
    throw error
  }
}

/** The steps of an opened stage in one direction. **Fails** for what is no step. */
export function openSteps(opened: OpenedStage, context: StageContext): readonly Step[] {
  const { direction } = context
  const steps = opened[direction](context)
  try {
    refusePromise(direction, steps)
    const list = Array.isArray(steps) ? steps.flat(Number.POSITIVE_INFINITY) : steps
    if (Array.isArray(list)) for (const step of list) refusePromise(direction, step)
    return stepList(list as Step[])
  } catch (error) {
    destroyUnused(steps)
    throw error
  }
}

function membersOf(owner: OpenStage, keys: readonly (keyof OpenStage)[], what: string): OpenedStage {
  const found: Record<keyof OpenStage, () => unknown> = { up: nothing, down: nothing, close: nothing }
  let some = false
  for (const key of keys) {
    const member: unknown = owner[key]
    if (member === undefined) continue
    if (typeof member !== 'function') {
      adoptPromise(member)
      throw new TypeError(`expected ${what} whose "${key}" is a function, got ${shown(member)}`)
    }
    found[key] = member.bind(owner)
    some = true
  }
  if (some) return found
  const names = keys.map((key) => `"${key}"`).join(' or ')
  throw new TypeError(`expected ${what} with ${names}, got ${shown(owner)}`)
}

function nothing(): void {}

function refusePromise(method: 'open' | Direction, value: unknown): void {
  // Nobody else will hear of its rejection.
  if (!adoptPromise(value)) return
  throw new TypeError(
    `expected "${method}" to return at once, got a promise: a step may be asynchronous, what makes it may not`,
  )
}

function shown(value: unknown): string {
  return inspect(value, { depth: 0 })
}

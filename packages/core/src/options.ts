import { inspect } from 'node:util'
import { Cancellation } from './cancellation.js'

/** A check of one option: returns what is accepted, as words, when the value is not. */
export type OptionCheck = (value: unknown) => string | undefined

/**
 * Checks an options object against a table of its keys; `undefined` values count as absent.
 *
 * **Fails** with a `TypeError` for an unknown key or a wrong type, a `RangeError` for a number out of range: the message names
 * the option, its value and what is accepted.
 */
export function checkOptions(
  owner: string,
  options: object,
  checks: Readonly<Record<string, OptionCheck>>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${owner}: expected an options object, got ${inspect(options)}`)
  }
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined
    if (check === undefined) {
      throw new TypeError(
        `${owner}: unknown option "${key}", expected one of ${Object.keys(checks).join(', ')}`,
      )
    }
    if (value !== undefined) checkValue(owner, key, value, check)
  }
}

/** Checks one value; also for a required option, whose absence {@link checkOptions} lets pass. */
export function checkValue(owner: string, name: string, value: unknown, check: OptionCheck): void {
  const expected = check(value)
  if (expected === undefined) return
  const ErrorClass = typeof value === 'number' ? RangeError : TypeError
  throw new ErrorClass(`${owner}: expected option "${name}" to be ${expected}, got ${inspect(value)}`)
}

// Node clamps a longer timer to 1 ms: a day too much would expire everything at once.
const MAX_TIMER_MS = 2 ** 31 - 1

/** A duration that a Node timer can hold; `0` disables. */
export const milliseconds: OptionCheck = (value) =>
  typeof value === 'number' && value >= 0 && value <= MAX_TIMER_MS
    ? undefined
    : `a number of milliseconds from 0 (off) to ${MAX_TIMER_MS}`

/** A duration that cannot be turned off. */
export const positiveMilliseconds: OptionCheck = (value) =>
  typeof value === 'number' && value >= 1 && value <= MAX_TIMER_MS
    ? undefined
    : `a number of milliseconds from 1 to ${MAX_TIMER_MS}`

/** A whole number, zero included. */
export const count: OptionCheck = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'a whole number >= 0'

/** A whole number of at least one. */
export const positiveCount: OptionCheck = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 1 ? undefined : 'a whole number >= 1'

/** From zero to one, both included. */
export const fraction: OptionCheck = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'a number from 0 to 1'

export const func: OptionCheck = (value) => (typeof value === 'function' ? undefined : 'a function')

export const boolean: OptionCheck = (value) => (typeof value === 'boolean' ? undefined : 'true or false')

// Ours passes for one among ourselves.
export const signal: OptionCheck = (value) =>
  value instanceof AbortSignal || value instanceof Cancellation ? undefined : 'an AbortSignal'

export const text: OptionCheck = (value) =>
  typeof value === 'string' && value !== '' ? undefined : 'a non-empty string'

/** One of a few words. */
export function oneOf(...words: readonly string[]): OptionCheck {
  const accepted = words.map((word) => `'${word}'`).join(' or ')
  return (value) => (words.includes(value as string) ? undefined : accepted)
}

/** Anything at all: a check elsewhere is more precise. */
export const anything: OptionCheck = () => undefined

import * as chain from 'stream-chain/defs.js'
import { cancelSymbol, exec } from 'stream-chain/exec.js'
import { contain } from './contain.js'

// All that we take from stream-chain, in types of our own: its declarations do not compile everywhere ours have to.

/** Several values for one chunk; made by {@link many}. */
export interface Many {
  readonly values: readonly (Uint8Array | string)[]
}

/** What a step returns to let nothing out for a chunk; `undefined` and `null` do the same. */
export const none: unique symbol = Symbol.for('object-stream.none')

/** What a step returns to end the stream: what came out before is delivered, then the session ends as `stage-end`. */
export const stop: unique symbol = Symbol.for('object-stream.stop')

/** Several values for one chunk, in order, from a function that is no generator. */
export const many: (values: readonly (Uint8Array | string)[]) => Many = chain.many as never

/** What a step makes of a chunk, at once: bytes, text (as UTF-8), several of them, nothing, or the end of the stream. */
export type StepValue = Uint8Array | string | Many | typeof none | typeof stop | null | undefined

/** What a step function may return: a value, the promise of one, or a generator of them, synchronous or not. */
export type StepOutput =
  | StepValue
  | Promise<StepValue>
  | Generator<StepValue, unknown, unknown>
  | AsyncGenerator<StepValue, unknown, unknown>

/** A function from a chunk to what comes out for it. Chunks have no meaning: the network cuts bytes where it likes. */
export type StepFunction = (chunk: Buffer) => StepOutput

/**
 * A step function that has something to give when its input ends.
 *
 * @param write - Called for each chunk.
 * @param final - Called once, at the end of the input; what it returns comes out last.
 * @param abort - Called instead of `final` when the session ends in any other way: releases what the step holds.
 */
export function flushable(
  write: StepFunction,
  final: () => StepOutput = () => none,
  abort?: () => void,
): StepFunction {
  // stream-chain throws away what `abort` returns, the promise of an async one included.
  return chain.flushable(write, final, abort && (() => contain(abort))) as StepFunction
}

/** Takes what comes out of a run of functions; a promise holds the run until there is room again. */
export type Push = (value: unknown) => Promise<void> | undefined

/** Functions in a row. */
export interface Run {
  /** Runs a value through them; `none` flushes them instead. Returns a promise if that could not be done at once. */
  readonly drive: (value: unknown, push: Push) => Promise<void> | undefined
  /** Calls the `abort` of each that has not given its tail. */
  readonly abort: () => void
}

/**
 * Functions, run one after the other: synchronously as long as they are synchronous and `push` takes what comes.
 *
 * @param enter - Makes bytes of a value before a function gets it; it gets none that are empty.
 */
export function runOf(functions: readonly StepFunction[], enter: (value: unknown) => Buffer): Run {
  const unflushed = new Set(functions.filter((step) => abortOf(step) !== undefined))
  const drive = exec(...functions.map((step) => entered(step, enter, () => unflushed.delete(step))))
  const abort = (): void => {
    for (const step of unflushed) contain(() => abortOf(step)?.())
    unflushed.clear()
  }
  return { drive: drive as Run['drive'], abort }
}

/** Whether an error is a step's wish to end the stream. */
export function isStop(error: unknown): boolean {
  try {
    return chain.isStop(error)
  } catch {
    // One that lets nobody look at it.
    return false
  }
}

/** Makes every generator that is still running return at its next value. */
export function cancel(push: Push, reason: Error): void {
  Object.assign(push, { [cancelSymbol]: reason })
}

function abortOf(step: StepFunction): (() => void) | undefined {
  return (step as Partial<Record<typeof chain.abortSymbol, () => void>>)[chain.abortSymbol]
}

function entered(step: StepFunction, enter: (value: unknown) => Buffer, onFlushed: () => void): StepFunction {
  const write: StepFunction = (value: Buffer | null | undefined) => {
    // What the function before gave: nothing is none here, as it is behind the last one.
    if (value === undefined || value === null) return none
    const bytes = enter(value)
    return bytes.length === 0 ? none : ownPromise(step(bytes))
  }
  if (!chain.isFlushable(step)) return write
  return chain.flushable(write, () => {
    const tail = ownPromise(step(none as never))
    if (tail instanceof Promise) void tail.then(onFlushed, () => {})
    else onFlushed()
    return tail
  })
}

// A promise of another make may call back twice, or throw at whoever it calls: one of ours stands before it.
function ownPromise(output: StepOutput): StepOutput {
  if (typeof output !== 'object' || output === null) return output
  if (output instanceof Uint8Array || output instanceof Promise) return output
  return typeof (output as Partial<PromiseLike<StepValue>>).then === 'function'
    ? new Promise((resolve) => resolve(output as StepValue))
    : output
}

import { Duplex } from 'node:stream'
import { adoptPromise } from './adopt-promise.js'
import { contain } from './contain.js'

/** Closes what a stage has opened for a session that will not use it, also when that comes late. */
export function closeUnused(opened: unknown): void {
  if (adoptPromise(opened, () => {}, closeUnused)) return
  const close = closeOf(opened)
  if (close !== undefined) contain(() => close.call(opened))
}

/** Destroys the streams among steps that no pipeline will hear of. */
export function destroyUnused(steps: unknown): void {
  if (adoptPromise(steps, () => {}, destroyUnused)) return
  if (steps instanceof Duplex) contain(() => void steps.on('error', () => {}).destroy())
  else if (Array.isArray(steps)) for (const step of steps) destroyUnused(step)
}

function closeOf(opened: unknown): ((this: unknown) => unknown) | undefined {
  try {
    const { close } = opened as { close?: unknown }
    return typeof close === 'function' ? (close as () => unknown) : undefined
  } catch {
    // Nothing, or a getter that throws: it is refused for that already.
    return undefined
  }
}

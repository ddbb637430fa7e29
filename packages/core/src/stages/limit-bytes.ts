import { checkOptions, checkValue, positiveCount } from '../options.js'
import { type Stage, type StepFunction, stop } from '../stage.js'

export interface LimitBytesOptions {
  /** How many may pass in each direction of a session. */
  readonly bytes: number
}

/** Ends a session, as `stage-end`, as soon as one direction has let that many bytes pass; they are delivered. */
export function limitBytes(options: LimitBytesOptions): Stage {
  checkOptions('limitBytes', options, { bytes: positiveCount })
  checkValue('limitBytes', 'bytes', options.bytes, positiveCount)
  const limited = (): StepFunction => {
    let left = options.bytes
    return function* (chunk) {
      yield chunk.subarray(0, left)
      left -= Math.min(left, chunk.length)
      if (left === 0) yield stop
    }
  }
  return { name: 'limit', up: limited, down: limited }
}

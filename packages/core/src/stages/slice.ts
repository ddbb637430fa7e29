import { checkOptions, checkValue, positiveCount } from '../options.js'
import type { Stage, StepFunction } from '../stage.js'

export interface SliceOptions {
  /** The longest piece; a chunk's last one is what is left. */
  readonly bytes: number
}

/** Cuts what passes into small pieces, each written on its own: for those who think that messages arrive as they were sent. */
export function slice(options: SliceOptions): Stage {
  checkOptions('slice', options, { bytes: positiveCount })
  checkValue('slice', 'bytes', options.bytes, positiveCount)
  const { bytes } = options
  const step: StepFunction = function* (chunk) {
    for (let start = 0; start < chunk.length; start += bytes) yield chunk.subarray(start, start + bytes)
  }
  return { name: 'slice', up: () => step, down: () => step }
}

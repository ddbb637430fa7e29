// A step for stages that think in lines: it keeps the beginning of one until its end has come. The examples of stages use it.
import { flushable, type StepFunction } from '@relay/core'

// #region lines
/** Cuts what passes into lines, each a chunk of its own, wherever the network has cut it. */
export function wholeLines(maxBytes = 64 * 1024): StepFunction {
  let kept: Buffer = Buffer.alloc(0)
  return flushable(
    function* (chunk) {
      kept = Buffer.concat([kept, chunk])
      for (let end = kept.indexOf('\n') + 1; end > 0; end = kept.indexOf('\n') + 1) {
        yield kept.subarray(0, end)
        kept = kept.subarray(end)
      }
      if (kept.length > maxBytes) throw new Error(`a line of more than ${maxBytes} bytes`)
    },
    () => kept,
  )
}
// #endregion

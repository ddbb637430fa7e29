import { checkOptions, checkValue, type OptionCheck } from '../options.js'
import { flushable, many, type Stage, type StepFunction } from '../stage.js'

export interface ReplaceOptions {
  /** What to look for; text is UTF-8. */
  readonly from: string | Uint8Array
  /** What to put there instead; may be empty. */
  readonly to: string | Uint8Array
}

const bytes: OptionCheck = (value) =>
  typeof value === 'string' || value instanceof Uint8Array ? undefined : 'text or bytes'
const someBytes: OptionCheck = (value) =>
  bytes(value) ?? ((value as string).length > 0 ? undefined : 'not empty')

/**
 * Replaces bytes by others, both ways, also where a chunk ends in their midst.
 *
 * **Keeps** the end of a chunk for as long as it could be the beginning of `from`: at most its length less one.
 */
export function replace(options: ReplaceOptions): Stage {
  checkOptions('replace', options, { from: someBytes, to: bytes })
  checkValue('replace', 'from', options.from, someBytes)
  checkValue('replace', 'to', options.to, bytes)
  const from = Buffer.from(options.from as string)
  const to = Buffer.from(options.to as string)
  const step = (): StepFunction => {
    let kept: Buffer = Buffer.alloc(0)
    return flushable(
      (chunk: Buffer) => {
        const input = kept.length > 0 ? Buffer.concat([kept, chunk]) : chunk
        const output: Buffer[] = []
        let start = 0
        for (let found = input.indexOf(from); found >= 0; found = input.indexOf(from, start)) {
          output.push(input.subarray(start, found), to)
          start = found + from.length
        }
        const end = input.length - beginningOf(from, input.subarray(start))
        output.push(input.subarray(start, end))
        kept = Buffer.from(input.subarray(end))
        return many(output)
      },
      () => many([kept]),
    )
  }
  return { name: 'replace', up: step, down: step }
}

// How many bytes at the end of `input` could be the beginning of `wanted`.
function beginningOf(wanted: Buffer, input: Buffer): number {
  for (let length = Math.min(wanted.length - 1, input.length); length > 0; length--) {
    if (input.subarray(input.length - length).equals(wanted.subarray(0, length))) return length
  }
  return 0
}

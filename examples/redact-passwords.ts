// A stateful stage: it takes frames apart, and what stands under "password" does not reach the upstream.
import { defineStage, flushable } from '@relay/core'

// #region redact
const MAX_FRAME_BYTES = 64 * 1024

/** A frame is its length, in 4 bytes, and so many bytes of JSON. */
export function frame(content: object): Buffer {
  const json = Buffer.from(JSON.stringify(content))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json])
}

function redacted(json: Buffer): Buffer {
  return frame(JSON.parse(json.toString(), (key, value) => (key === 'password' ? '***' : value)))
}

export const redactPasswords = defineStage({
  name: 'redact-passwords',
  up() {
    let kept: Buffer = Buffer.alloc(0)
    return flushable(
      function* (chunk) {
        kept = Buffer.concat([kept, chunk])
        while (kept.length >= 4) {
          const end = 4 + kept.readUInt32BE()
          if (end > MAX_FRAME_BYTES) throw new Error(`a frame of ${end} bytes`)
          if (kept.length < end) return
          yield redacted(kept.subarray(4, end))
          kept = kept.subarray(end)
        }
      },
      () => {
        if (kept.length > 0) throw new Error('ended in the midst of a frame')
      },
    )
  },
})
// #endregion

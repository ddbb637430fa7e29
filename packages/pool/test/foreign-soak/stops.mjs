// A stage of the command: each direction ends, without a word, at the chunk that would make it longer than so many bytes.
import { stop } from '@relay/core'

// biome-ignore lint/style/noDefaultExport: the command takes the default export of a module for its stage.
export default function stops(bytes) {
  const limited = () => {
    let left = Number(bytes)
    return (chunk) => {
      left -= chunk.length
      return left < 0 ? stop : chunk
    }
  }
  return { name: 'stops', up: limited, down: limited }
}

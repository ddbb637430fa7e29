import type { Direction, Stage } from '../../src/stage.js'

/** A stage that is told each chunk, one way, and lets it pass. */
export function watch(direction: Direction, see: (chunk: Buffer) => void): Stage {
  return {
    name: 'watch',
    [direction]: () => (chunk: Buffer) => {
      see(chunk)
      return chunk
    },
  }
}

import { random, seed } from '../../../core/test/support/random.js'

export type Rng = ReturnType<typeof random>

/** What the seed of this run has in store for the thing of this name. */
export function chance(name: string): Rng {
  let state = 0x811c9dc5
  for (const character of `${seed} ${name}`) {
    state = Math.imul(state ^ character.charCodeAt(0), 0x01000193) >>> 0
  }
  return random(state)
}

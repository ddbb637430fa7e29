import { rotated } from '../statistics.js'

/** Who is measured in a pair: the other checkout's relay, this one's, and the other's once more, in another process. */
export const sides = ['old', 'new', 'control'] as const

export type Side = (typeof sides)[number]

/**
 * The order of a pair, the first being 0: every second one is the reverse of the one before, and six have each side twice in each
 * place, so that a drift of the machine is no difference between two sides.
 */
export function pairOrder(pair: number): readonly Side[] {
  const order = rotated(sides, Math.floor(pair / 2))
  return pair % 2 === 0 ? order : [...order].reverse()
}

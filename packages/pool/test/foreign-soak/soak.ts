import { random } from '../../../core/test/support/random.js'
import { cellsOf } from './cells.js'
import type { SoakPlace } from './soak-place.js'
import { SoakRelay } from './soak-relay.js'
import { Tally } from './tally.js'

export interface SoakOptions {
  readonly sessions: number
  readonly seed: number
  readonly place: SoakPlace
  /** Only relays that have this in their name. */
  readonly only: string
  /** A session is over. */
  onSession?(played: number): void
}

/** Plays the sessions of a mode, through one relay after another. */
export async function soak(mode: string, options: SoakOptions): Promise<Tally> {
  const { sessions, seed, place, only } = options
  const tally = new Tally()
  const cells = cellsOf(mode, sessions, only, random(seed))
  const relays = cells.map((cell, index) => new SoakRelay(cell, tally, random(seed + index + 1), place.keys))
  let played = 0
  let starting = relays[0]?.start(place)
  try {
    for (const [index, relay] of relays.entries()) {
      await starting
      // Starting the next one takes as long as some hundred sessions.
      starting = relays[index + 1]?.start(place)
      // It is waited for when this one is done, which may fail first.
      starting?.catch(() => {})
      const share = Math.ceil((sessions - played) / (relays.length - index))
      await relay.play(share, () => options.onSession?.(++played))
    }
  } finally {
    await Promise.all(relays.map((relay) => relay.abandon()))
  }
  return tally
}

/** Repeatable random numbers from a seed (mulberry32, Tommy Ettinger's public-domain generator). */
export function random(seed: number): { int(below: number): number; pick<T>(items: readonly T[]): T } {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number): number => Math.floor(next() * below)
  return { int, pick: (items) => items[int(items.length)] as never }
}

/** The seed of this run: `RELAY_SEED`, or one of the clock, which a failing test prints. */
export const seed = Number(process.env.RELAY_SEED ?? Date.now() % 2 ** 31)

/** Repeatable random numbers from a seed (mulberry32, Tommy Ettinger's public-domain generator). */
export interface Random {
  /** A whole number from 0 to less than `below`. */
  int(below: number): number
  /** Bytes out of these. */
  bytes(length: number, from: Buffer): Buffer
  /** The bytes in up to `most` pieces. */
  pieces(bytes: Buffer, most: number): Buffer[]
}

export function random(seed: number): Random {
  let state = seed >>> 0
  const int = (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
  return {
    int,
    bytes(length, from) {
      const made = Buffer.alloc(length)
      for (let i = 0; i < length; i++) made[i] = from[int(from.length)] as number
      return made
    },
    pieces(bytes, most) {
      const pieces: Buffer[] = []
      let rest = bytes
      while (rest.length > 0) {
        const length = pieces.length + 1 === most ? rest.length : 1 + int(rest.length)
        pieces.push(rest.subarray(0, length))
        rest = rest.subarray(length)
      }
      return pieces
    },
  }
}

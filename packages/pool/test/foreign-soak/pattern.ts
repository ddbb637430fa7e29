/** Which way bytes go: from the client to the upstream, or back. */
export type Way = 'up' | 'down'

/** The session that a unit belongs to, and its place in that session's stream. */
export interface Unit {
  readonly session: number
  readonly way: Way
  readonly place: number
}

/** Eight bytes say whose they are and where they belong. */
export const UNIT_BYTES = 8

// Six bits a byte, all of them printable: the same content goes through protocols that know line ends and control bytes.
const ZERO = 0x30

/** What a session sends one way: no eight bytes of it occur anywhere else, in no other session and at no other place. */
export function pattern(session: number, way: Way, bytes: number): Buffer {
  const words = new Uint32Array(2 * Math.ceil(bytes / UNIT_BYTES))
  const owner = spread(session * 2 + (way === 'up' ? 0 : 1))
  for (let at = 0; at < words.length; at += 2) {
    words[at] = owner
    words[at + 1] = spread(at >> 1)
  }
  return Buffer.from(words.buffer, 0, bytes)
}

/** The unit that starts here, if these bytes are one. */
export function unitAt(bytes: Buffer, at: number): Unit | undefined {
  if (at < 0 || at + UNIT_BYTES > bytes.length) return undefined
  const owner = gathered(bytes, at)
  const place = gathered(bytes, at + 4)
  if (owner === undefined || place === undefined) return undefined
  return { session: owner >> 1, way: owner % 2 === 0 ? 'up' : 'down', place }
}

function spread(value: number): number {
  const digit = (index: number): number => ((value >> (6 * index)) & 0x3f) + ZERO
  return (digit(0) | (digit(1) << 8) | (digit(2) << 16) | (digit(3) << 24)) >>> 0
}

function gathered(bytes: Buffer, at: number): number | undefined {
  let value = 0
  for (let index = 3; index >= 0; index--) {
    const digit = (bytes[at + index] as number) - ZERO
    if (digit < 0 || digit > 0x3f) return undefined
    value = value * 64 + digit
  }
  return value
}

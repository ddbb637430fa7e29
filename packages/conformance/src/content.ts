// A prime, so that no chunk size divides it: bytes that were lost, doubled or swapped do not match what should be there.
const PERIOD = 1_048_573

/** What one side of one session sends: endless bytes of its own, the same for the same name. */
export class Content {
  // One block for all: each begins somewhere else in it.
  static readonly #twice = twice()
  readonly #start: number

  constructor(name: string) {
    let start = 0x9e3779b9
    for (const character of name) {
      start = Math.imul(start ^ character.charCodeAt(0), 0x85ebca6b)
      start ^= start >>> 13
    }
    this.#start = (start >>> 0) % PERIOD
  }

  /** The bytes from `offset` on; at most one period of them. */
  at(offset: number, length: number): Buffer {
    const start = (this.#start + offset) % PERIOD
    return Content.#twice.subarray(start, start + Math.min(length, PERIOD))
  }

  /** Whether these bytes are the ones that belong there. */
  matches(offset: number, chunk: Buffer): boolean {
    for (let at = 0; at < chunk.length; at += PERIOD) {
      const part = chunk.subarray(at, at + PERIOD)
      if (!part.equals(this.at(offset + at, part.length))) return false
    }
    return true
  }
}

function twice(): Buffer {
  const block = Buffer.alloc(PERIOD + 3)
  let state = 0x9e3779b9
  for (let at = 0; at < PERIOD; at += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    block.writeInt32LE(state | 0, at)
  }
  return Buffer.concat([block.subarray(0, PERIOD), block.subarray(0, PERIOD)])
}

import { createHash } from 'node:crypto'
import type { random } from '../../../core/test/support/random.js'

type Rng = ReturnType<typeof random>

const BLOCK_BYTES = 64
const HEADER = /<([0-9a-f]{8}) (up|down) ([0-9a-f]{8})>/g

/**
 * What one side of one session sends: lines of 64-byte blocks, each with the session's id, the direction and its own offset, so that a
 * byte that is lost, doubled, moved or somebody else's is seen.
 */
export class Content {
  readonly session: string
  readonly direction: 'up' | 'down'
  readonly bytes: Buffer
  /** Where each line ends. */
  readonly lineEnds: readonly number[]

  constructor(session: string, direction: 'up' | 'down', lines: number, bytes: number, rng: Rng) {
    this.session = session
    this.direction = direction
    const blocks = Array.from({ length: lines }, () =>
      Math.max(1, Math.round(((rng.int(1_000) / 500) * bytes) / lines / BLOCK_BYTES)),
    )
    this.bytes = Buffer.alloc(blocks.reduce((sum, count) => sum + count) * BLOCK_BYTES, filler(rng))
    const lineEnds: number[] = []
    let offset = 0
    for (const count of blocks) {
      for (let block = 0; block < count; block++, offset += BLOCK_BYTES) {
        this.bytes.write(
          `<${session} ${direction} ${offset.toString(16).padStart(8, '0')}>`,
          offset,
          'latin1',
        )
      }
      this.bytes.write('\n', offset - 1)
      lineEnds.push(offset)
    }
    this.lineEnds = lineEnds
  }

  get length(): number {
    return this.bytes.length
  }

  /** How many lines end within so many bytes. */
  linesWithin(bytes: number): number {
    let low = 0
    let high = this.lineEnds.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.lineEnds[middle] as number) <= bytes) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Where the nth line ends; the 0th is where the first begins. */
  endOf(line: number): number {
    return line <= 0 ? 0 : (this.lineEnds[Math.min(line, this.lineEnds.length) - 1] as number)
  }

  /** Where to end, for one who has said so much of it: behind the line that it is in, or behind the half of the next. */
  breakBehind(sent: number, where: 'line' | 'half a line'): number {
    const line = this.linesWithin(sent)
    const end = this.endOf(sent > this.endOf(line) ? line + 1 : line)
    // Never the whole line: its last block is left out.
    return where === 'line' ? end : Math.floor((end + this.endOf(this.linesWithin(end) + 1)) / 2)
  }

  /** What is wrong with these bytes, which should be the first of this content. */
  faultOf(received: Buffer): string | undefined {
    const expected = this.bytes.subarray(0, received.length)
    if (received.length <= this.length && sha256(received) === sha256(expected)) return undefined
    let at = 0
    while (at < expected.length && received[at] === expected[at]) at++
    const around = received.toString('latin1', Math.max(0, at - 2 * BLOCK_BYTES), at + 4 * BLOCK_BYTES)
    const foreign = Array.from(around.matchAll(HEADER)).filter(
      ([, session, direction]) => session !== this.session || direction !== this.direction,
    )
    const whose = foreign.length > 0 ? `, where bytes of ${foreign[0]?.[0]} are` : ''
    return `${received.length} B of ${this.session} ${this.direction} differ from byte ${at} of ${this.length} on${whose}`
  }
}

function filler(rng: Rng): string {
  return Array.from({ length: BLOCK_BYTES }, () => String.fromCharCode(97 + rng.int(26))).join('')
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

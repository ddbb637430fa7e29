import type { Goodbye, ProofState, ReuseProof, ReuseRule } from '@relay/core'

const SHOWN_PIECES = 6
const SHOWN_BYTES = 24

/** One connection, as the rule under test sees it. Knows what it was fed, and says so when something is wrong. */
export class Trial {
  readonly proof: ReuseProof
  readonly #title: string
  readonly #fed: { readonly direction: string; readonly bytes: Buffer }[] = []
  #pieces = 0

  constructor(rule: ReuseRule, title: string) {
    this.#title = `rule "${rule.name}": ${title}`
    this.proof = rule.open()
    this.expect('before the first byte', 'idle')
  }

  up(bytes: Buffer): void {
    this.#note('up', bytes)
    this.#guard(() => this.proof.up(bytes))
  }

  /** Feeds an answer; `delivered`: what `down` has to return. */
  down(bytes: Buffer, delivered?: boolean): void {
    this.#note('down', bytes)
    const returned = this.#guard(() => this.proof.down(bytes))
    if (typeof returned !== 'boolean') this.fail(`expected down() to return a boolean, got ${returned}`)
    if (delivered !== undefined && returned !== delivered) {
      this.fail(
        delivered
          ? 'down() returned false for bytes that answer a request'
          : 'down() returned true for bytes that answer nothing',
      )
    }
  }

  /** Asks whether this ends in a goodbye; it feeds nothing. */
  goodbye(bytes: Buffer): Goodbye | undefined {
    return this.#guard(() => this.proof.goodbye?.(bytes))
  }

  expect(when: string, ...accepted: readonly ProofState[]): void {
    const state = this.#guard(() => this.proof.state)
    if (!accepted.includes(state)) {
      this.fail(
        `expected the state to be ${accepted.map((name) => `"${name}"`).join(' or ')} ${when}, got "${state}"`,
      )
    }
  }

  /** Nobody else may get this connection. */
  expectNotKept(when: string): void {
    this.expect(when, 'busy', 'partial', 'tainted')
  }

  fail(problem: string, cause?: unknown): never {
    const shown = this.#fed.map(({ direction, bytes }) => `  ${direction.padEnd(5)}${hex(bytes)}`)
    if (this.#pieces > shown.length) shown.unshift(`  (${this.#pieces - shown.length} pieces before)`)
    throw new Error([`${this.#title}: ${problem}`, ...shown].join('\n'), { cause })
  }

  #note(direction: string, bytes: Buffer): void {
    this.#pieces++
    this.#fed.push({ direction, bytes })
    if (this.#fed.length > SHOWN_PIECES) this.#fed.shift()
  }

  #guard<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      return this.fail(`threw ${error}`, error)
    }
  }
}

/** Both ends of the bytes: what is left and right of each cut. */
function hex(bytes: Buffer): string {
  const of = (part: Buffer): string => part.toString('hex').replace(/(..)(?=.)/g, '$1 ')
  const text = (part: Buffer): string => JSON.stringify(part.toString('latin1'))
  if (bytes.length <= 2 * SHOWN_BYTES) return `${bytes.length} B  ${of(bytes)}  ${text(bytes)}`
  const head = bytes.subarray(0, SHOWN_BYTES)
  const tail = bytes.subarray(-SHOWN_BYTES)
  return `${bytes.length} B  ${of(head)} … ${of(tail)}  ${text(head)}…${text(tail)}`
}

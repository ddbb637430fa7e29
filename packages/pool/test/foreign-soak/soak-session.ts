import type { Service } from './dialects.js'
import { addFaults, type Faults, noFaults } from './faults.js'
import type { Way } from './pattern.js'
import type { Plan, PlannedSession } from './plan.js'

const NOTHING = Buffer.alloc(0)
// Long enough for a relay that waits for its turn of a busy machine; shorter only makes a late reader less late.
const STILL_MS = 30
const MOST_LOOKS = 20

/** How the client's stream has ended; `gone`: the client ended it. */
export type Ending = 'open' | 'fin' | 'reset' | 'gone' | (string & {})

/** Both ends of one session, which run in this process, and what each has received. */
export class SoakSession {
  readonly number: number
  readonly plan: Plan
  readonly faults: Faults = noFaults()
  readonly received: Record<Way, number> = { up: 0, down: 0 }
  readonly length: Readonly<Record<Way, number>>
  request: Buffer
  answer: Buffer
  /** How the client leaves, if it says so. */
  readonly farewell: Service | undefined
  ending: Ending = 'open'
  /** Nothing had become of it when there was no more waiting. */
  hung = false
  /** One side read nothing until what was on its way to it was stuck. */
  stuck = false
  /** The upstream has heard of it. */
  attached = false
  /** Its upstream connection had served another session. */
  reused = false
  /** Of the answer to the farewell. */
  farewellReceived = 0
  /** All of the answer is with the kernel. */
  answered = false
  /** What the relay said. */
  reason: string | undefined
  onAnswered: () => void = () => {}
  #onStill: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #moved = 0
  readonly #sidesLeft = new Set(['client', 'upstream'])

  constructor(number: number, { plan, request, answer, farewell }: PlannedSession) {
    this.number = number
    this.plan = plan
    this.request = request
    this.answer = answer
    this.farewell = farewell
    this.length = { up: request.length, down: answer.length }
  }

  /** Checks bytes that arrived at the end of one way. */
  check(way: Way, chunk: Buffer): void {
    const expected = way === 'up' ? this.request : this.answer
    const left = Math.max(0, this.length[way] - this.received[way])
    const own = way === 'up' ? chunk : chunk.subarray(0, left)
    addFaults(this.faults, { session: this.number, way }, own, expected, this.received[way])
    this.received[way] += own.length
    this.#checkFarewell(chunk.subarray(own.length))
  }

  #checkFarewell(chunk: Buffer): void {
    const expected = this.farewell?.answer ?? NOTHING
    const from = this.farewellReceived
    this.farewellReceived += chunk.length
    this.faults.extra += Math.max(0, this.farewellReceived - expected.length)
    if (!expected.subarray(from, this.farewellReceived).equals(chunk)) this.faults.corrupted += chunk.length
  }

  /**
   * Calls back, once, when for a while nothing has moved: what is on its way is stuck, or nothing has come to be on its way
   * in so long a time that it never may, because a stage has ended the session.
   */
  whenStill(then: () => void): void {
    this.#onStill = then
    this.#watch(MOST_LOOKS)
  }

  /** Something of what may get stuck has moved. */
  moved(): void {
    this.#moved++
  }

  /** The upstream's kernel has taken the whole answer. */
  setAnswered(): void {
    this.answered = true
    this.moved()
    this.onAnswered()
  }

  /** The client is closed. */
  clientOver(): void {
    if (!this.plan.held) {
      clearTimeout(this.#timer)
      this.#onStill = undefined
    }
    this.onAnswered = () => {}
    this.#over('client')
  }

  /** The upstream has all that it can get, and has said all that it can. */
  upstreamOver(): void {
    this.#over('upstream')
  }

  // Nothing can arrive any more that would have to be compared.
  #over(side: 'client' | 'upstream'): void {
    this.#sidesLeft.delete(side)
    if (this.#sidesLeft.size > 0) return
    this.request = NOTHING
    this.answer = NOTHING
  }

  #watch(looks: number): void {
    const before = this.#moved
    // What this process has not looked at yet has not moved: a turn of the loop lies between the timer and the verdict.
    this.#timer = setTimeout(() => setImmediate(() => this.#look(before, looks)), STILL_MS)
  }

  #look(before: number, looks: number): void {
    const onStill = this.#onStill
    if (onStill === undefined) return
    const waits = before !== this.#moved || (before === 0 && looks > 0)
    if (waits) return this.#watch(looks - 1)
    this.#onStill = undefined
    this.stuck = before > 0
    onStill()
  }
}

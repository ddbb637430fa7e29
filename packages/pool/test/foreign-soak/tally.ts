import type { Expectation } from './expectation.js'
import type { SoakSession } from './soak-session.js'

const MOST_SAMPLES = 10

/** What was found in the sessions of a mode. */
export class Tally {
  sessions = 0
  bytes = 0
  late = 0
  large = 0
  reused = 0
  /** Sessions that left by words of their protocol. */
  farewells = 0
  foreign = 0
  /** Displaced, or nobody's. */
  corrupted = 0
  lost = 0
  extra = 0
  /** Sessions that ended in another way than they must. */
  misended = 0
  /** How many sessions were judged before the first one with wrong bytes. */
  firstWrongAt: number | undefined
  readonly #wrongBytes: string[] = []
  readonly #wrongEndings: string[] = []

  add(cell: string, session: SoakSession, expected: Expectation, shared: boolean): void {
    const { faults, received, plan } = session
    this.sessions++
    this.bytes += received.up + received.down
    if (session.stuck) this.late++
    if (plan.size === 'large') this.large++
    if (session.reused) this.reused++
    if (plan.farewell) this.farewells++
    const unsaid =
      session.ending === 'fin' && session.farewell
        ? session.farewell.answer.length - session.farewellReceived
        : 0
    const lost =
      Math.max(0, unsaid) +
      Math.max(0, expected.client.least - received.down) +
      Math.max(0, expected.upstream.least - received.up)
    const beyond =
      Math.max(0, Math.min(received.down, session.length.down) - expected.client.most) +
      Math.max(0, Math.min(received.up, session.length.up) - expected.upstream.most)
    this.foreign += faults.foreign
    this.corrupted += faults.displaced + faults.corrupted
    this.extra += faults.extra + beyond
    this.lost += lost
    const wrong = faults.foreign + faults.displaced + faults.corrupted + faults.extra + beyond + lost > 0
    if (wrong) this.firstWrongAt ??= this.sessions
    const misended =
      session.hung ||
      (session.reused && !shared) ||
      (expected.ending !== undefined && session.ending !== expected.ending) ||
      (expected.reasons !== undefined && !expected.reasons.includes(session.reason ?? 'no line'))
    if (misended) this.misended++
    if (wrong || misended) {
      const { number, ending, reason, hung, attached, reused } = session
      const what = {
        ...faults,
        lost,
        beyond,
        received,
        ending,
        reason,
        hung,
        attached,
        reused,
        expected,
        plan,
      }
      // Of wrong bytes and of wrong endings, so that many of one kind do not hide the other.
      const kind = wrong ? this.#wrongBytes : this.#wrongEndings
      if (kind.length < MOST_SAMPLES) kind.push(`${cell}, session ${number}: ${JSON.stringify(what)}`)
    }
  }

  /** Bytes that came to the upstream where no session could have sent them. */
  addStray(cell: string, bytes: Buffer): void {
    this.foreign += bytes.length
    this.firstWrongAt ??= this.sessions
    if (this.#wrongBytes.length < MOST_SAMPLES)
      this.#wrongBytes.push(`${cell}: stray bytes ${JSON.stringify(bytes.toString('latin1', 0, 64))}`)
  }

  /** Some of what was found, in words. */
  get samples(): readonly string[] {
    return [...this.#wrongBytes, ...this.#wrongEndings]
  }
}

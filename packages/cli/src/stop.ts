import type { Signal } from './io.js'

const LEAVE_MS = 1_000

/** What must be ended before the process is. */
export interface Cuttable {
  /** Ends it at once, whatever is under way, and resolves when all was said of it. */
  cut(exitCode: number): Promise<unknown>
  /** The same for a process that is gone as soon as this returns. */
  cutNow?(): void
}

/**
 * How a command ends, and the one way by which its process leaves: what it has covered is cut before, whatever makes it leave.
 *
 * ```text
 *   running ──── ask() ────▶ finishing ──── done ────▶ leaving: all is cut, the last lines are written ────▶ gone
 *    │  │                        │                        ▲
 *    │  └── fails ───────────────│────────────────────────┤
 *    └───── force() ─────────────┴──▶ all is cut, and the work may come to its end: with what follows 1 s at most
 * ```
 */
export class Stop {
  /** Resolves when the command is to finish what is under way; with the signal, if it was one. */
  readonly asked: Promise<Signal | undefined>
  readonly #covered: Cuttable[] = []
  readonly #timeIsUp: Promise<void>
  #leaveMs = LEAVE_MS
  #timer: NodeJS.Timeout | undefined
  #exitCode: number | undefined
  #onAsked!: (signal: Signal | undefined) => void
  #onTimeUp!: () => void

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#onAsked = resolve
    })
    this.#timeIsUp = new Promise((resolve) => {
      this.#onTimeUp = resolve
    })
  }

  /** From now on this is cut before the process leaves, which then may take `leaveMs`. */
  cover(cuttable: Cuttable, leaveMs: number = LEAVE_MS): void {
    this.#covered.push(cuttable)
    this.#leaveMs = Math.max(this.#leaveMs, leaveMs)
    if (this.#exitCode !== undefined) void cuttable.cut(this.#exitCode)
  }

  /** The command is to finish what is under way. */
  ask(signal: Signal): void {
    this.#onAsked(signal)
  }

  /** Resolves as `work` does; with `undefined` when the command is to stop before. */
  unlessAsked<T>(work: Promise<T>): Promise<T | undefined> {
    return Promise.race([work, this.asked.then(() => undefined)])
  }

  /** Cuts all now, and has the process leave with this code. */
  force(exitCode: number): void {
    if (this.#exitCode !== undefined) return
    this.#exitCode = exitCode
    this.#onAsked(undefined)
    this.#startTimer()
    void this.#cut(exitCode)
  }

  /**
   * Resolves with the exit code when the process may leave: the work has ended or time is up, all is cut, and `flush` is done.
   *
   * @param work - The command; it resolves with its exit code, and never rejects.
   */
  async leave(work: Promise<number>, flush: () => Promise<unknown>): Promise<number> {
    const exitCode = await Promise.race([work, this.#timeIsUp])
    this.#startTimer()
    if (exitCode !== undefined) await Promise.race([this.#cut(exitCode), this.#timeIsUp])
    await Promise.race([flush(), this.#timeIsUp])
    this.leaveNow()
    // A second signal that came with the first has not been told yet.
    await new Promise((resolve) => setImmediate(resolve))
    clearTimeout(this.#timer)
    return this.#exitCode ?? exitCode ?? 1
  }

  /** Cuts what is left in this very moment, also of a process that leaves by itself: an error that nobody caught, an exit() in a stage. */
  leaveNow(): void {
    for (const cuttable of this.#covered) cuttable.cutNow?.()
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(this.#onTimeUp, this.#leaveMs)
  }

  async #cut(exitCode: number): Promise<void> {
    await Promise.allSettled(this.#covered.map((cuttable) => cuttable.cut(exitCode)))
  }
}

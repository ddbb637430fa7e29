import { bytesOf, type Outlet, type Section, type SectionHost } from './section.js'
import type { StepFunction } from './stage.js'
import { callStage } from './stage-calls.js'
import { cancel, isStop, none, type Push, type Run, runOf } from './stream-chain.js'

const OVER = new Error('the session is over')

/**
 * Step functions in a row, without a stream around them: as long as they are synchronous and the outlet has room, a chunk has
 * passed when `write` returns.
 *
 * ```text
 *           a promise, or no room behind          end()               flushed
 *   idle ◀──────────────────────────────▶ busy ─────────▶ flushing ──────────▶ over
 *     └──────────────── stop, destroy(), an error ─────────────────────────────▲
 * ```
 *
 * **Backpressure**: one chunk is being worked on; more that come against the rules wait.
 */
export class FunctionSection implements Section {
  readonly #run: Run
  readonly #outlet: Outlet
  readonly #host: SectionHost
  readonly #waiting: Buffer[] = []
  #busy = false
  #ending = false
  #flushing = false
  #over = false
  #blocked: { resolve(): void; reject(reason: Error): void } | undefined

  constructor(functions: readonly StepFunction[], outlet: Outlet, host: SectionHost) {
    this.#run = runOf(functions, bytesOf)
    this.#outlet = outlet
    this.#host = host
  }

  get stuck(): boolean {
    return (this.#busy || this.#ending) && !this.#over && this.#blocked === undefined
  }

  write(chunk: Buffer): boolean {
    if (this.#over || this.#ending) return false
    if (this.#busy) this.#waiting.push(chunk)
    else this.#start(chunk)
    return !this.#busy && !this.#over
  }

  end(): void {
    if (this.#over || this.#ending) return
    this.#ending = true
    this.#next()
  }

  resume(): void {
    const blocked = this.#blocked
    this.#blocked = undefined
    blocked?.resolve()
  }

  destroy(): void {
    this.#over = true
    cancel(this.#push, OVER)
    this.#blocked?.reject(OVER)
    callStage(this.#host.caller, this.#run.abort, undefined, undefined)
  }

  // Its identity is what a running generator is cancelled by.
  readonly #push: Push = (value) => {
    if (this.#over) throw OVER
    if (value === undefined || value === null) return undefined
    const bytes = bytesOf(value)
    if (bytes.length === 0 || this.#outlet.write(bytes)) return undefined
    return new Promise((resolve, reject) => {
      this.#blocked = { resolve, reject }
    })
  }

  #start(value: Buffer | typeof none): void {
    try {
      const running = callStage(this.#host.caller, this.#run.drive, value, this.#push)
      if (running === undefined) return
      this.#busy = true
      running.then(
        () => this.#onDone(),
        (error) => this.#onError(error),
      )
    } catch (error) {
      this.#onError(error)
    }
  }

  #onDone(): void {
    this.#busy = false
    this.#next()
    if (!this.#busy && !this.#ending && !this.#over) this.#host.onRoom()
  }

  #next(): void {
    while (!this.#busy && !this.#over) {
      const chunk = this.#waiting.shift()
      if (chunk !== undefined) {
        this.#start(chunk)
      } else if (!this.#ending) {
        return
      } else if (!this.#flushing) {
        this.#flushing = true
        this.#start(none)
      } else {
        this.#over = true
        this.#outlet.end()
      }
    }
  }

  #onError(error: unknown): void {
    this.#busy = false
    if (this.#over) return
    if (!isStop(error)) {
      // Before anything else can go on: what comes behind a failure must not look like the rest of a whole stream.
      this.#over = true
      return this.#host.onFailure(error)
    }
    const early = !this.#ending
    // The functions behind the one that stopped still give their tails: a run flushes only those.
    this.#waiting.length = 0
    this.#ending = true
    this.#next()
    if (early) this.#host.onStop()
  }
}

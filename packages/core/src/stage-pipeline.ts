import { contain } from './contain.js'
import { FunctionSection } from './function-section.js'
import type { Outlet, Section, SectionHost } from './section.js'
import type { Direction, Step } from './stage.js'
import type { StageCaller } from './stage-calls.js'
import { StreamSection } from './stream-section.js'

/** Which stage, on which of its two ways. */
export interface StageRef {
  readonly name: string
  readonly direction: Direction
}

/** A stage's steps, in one direction. */
export interface StageSteps extends StageRef {
  readonly steps: readonly Step[]
  /** On whose behalf they are called, if somebody follows that. */
  readonly caller?: StageCaller | undefined
}

/** Takes what a pipeline gives, and hears when it has room again. */
export interface PipelineUser extends Outlet {
  onRoom(): void
}

/** What a pipeline tells its session; never from within a call to it. */
export interface PipelineObserver {
  /** A step ended before its input did: what it gave before is on its way, and nothing else will come. */
  onStop(stage: StageRef): void
  onFailure(stage: StageRef, error: unknown): void
}

/**
 * The steps of all stages in one direction, in the order in which bytes meet them.
 *
 * ```text
 *   write ─▶ section ─▶ section ─▶ … ─▶ tail ─▶ user        room goes the other way: resume() ◀─ resume() ◀─ …
 * ```
 *
 * It lives as long as its session, while users come and go: what comes out with no user there waits at the tail.
 */
export class StagePipeline implements Outlet {
  readonly #sections: Section[] = []
  readonly #stages: StageRef[] = []
  readonly #observer: PipelineObserver
  readonly #first: Outlet
  readonly #held: Buffer[] = []
  #user: PipelineUser | undefined
  #ended = false
  #broken = false
  #destroyed = false

  constructor(stages: readonly StageSteps[], observer: PipelineObserver) {
    this.#observer = observer
    this.#first = this.#build(stages)
  }

  /** Nothing comes any more: all has been given, the end included, or it was destroyed. */
  get ended(): boolean {
    return this.#destroyed || (this.#ended && this.#held.length === 0)
  }

  /** A step is none that can be run: nothing may be written. */
  get broken(): boolean {
    return this.#broken
  }

  /** The first stage that is not done with what it was given, though nothing behind it keeps it from that. */
  get stuckStage(): StageRef | undefined {
    return this.#stages[this.#sections.findIndex((section) => section.stuck)]
  }

  /** From now on `user` gets what comes out, and what was held first; `undefined` holds it. */
  attach(user: PipelineUser | undefined): void {
    this.#user = user
    if (user === undefined || (this.#held.length === 0 && !this.#ended)) return
    const more = this.#held.splice(0).map((chunk) => user.write(chunk))
    if (this.#ended) user.end()
    else if (more.every(Boolean)) this.resume()
  }

  write(chunk: Buffer): boolean {
    return this.#first.write(chunk)
  }

  end(): void {
    this.#first.end()
  }

  /** The user has room again. */
  resume(): void {
    this.#sections.at(-1)?.resume()
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#user = undefined
    this.#held.length = 0
    for (const section of this.#sections) contain(() => section.destroy())
  }

  // From the last to the first, because each needs the one behind it.
  #build(stages: readonly StageSteps[]): Outlet {
    let next: Outlet = {
      write: (chunk) => this.#give(chunk),
      end: () => this.#onEnd(),
    }
    for (const { name, direction, caller, steps } of [...stages].reverse()) {
      // Without the rest, which a result would keep.
      const stage: StageRef = { name, direction }
      for (const run of runs(steps).reverse()) {
        const before = (): Section | undefined =>
          this.#sections[this.#sections.indexOf(section as Section) - 1]
        const host: SectionHost = {
          caller,
          onRoom: () => {
            const sender = before()
            if (sender !== undefined) sender.resume()
            else this.#user?.onRoom()
          },
          onStop: () => this.#report(() => this.#observer.onStop(stage)),
          onFailure: (error: unknown) => this.#report(() => this.#observer.onFailure(stage, error)),
        }
        const section = this.#section(run, next, host)
        if (section === undefined) continue
        this.#sections.unshift(section)
        this.#stages.unshift(stage)
        next = section
      }
    }
    return next
  }

  #section(run: Run, next: Outlet, host: SectionHost): Section | undefined {
    try {
      return Array.isArray(run) ? new FunctionSection(run, next, host) : new StreamSection(run, next, host)
    } catch (error) {
      this.#broken = true
      host.onFailure(error)
      return undefined
    }
  }

  #give(chunk: Buffer): boolean {
    if (this.#user !== undefined) return this.#user.write(chunk)
    if (!this.#destroyed) this.#held.push(chunk)
    return false
  }

  #onEnd(): void {
    this.#ended = true
    if (this.#held.length === 0) this.#user?.end()
  }

  #report(tell: () => void): void {
    process.nextTick(() => this.#destroyed || tell())
  }
}

type Run = Exclude<Step, (...args: never[]) => unknown> | Extract<Step, (...args: never[]) => unknown>[]

// Functions next to each other run as one; a stream stands alone.
function runs(steps: readonly Step[]): Run[] {
  const found: Run[] = []
  for (const step of steps) {
    const last = found.at(-1)
    if (typeof step !== 'function') found.push(step)
    else if (Array.isArray(last)) last.push(step)
    else found.push([step])
  }
  return found
}

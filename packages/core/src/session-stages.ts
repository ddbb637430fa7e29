import { contain } from './contain.js'
import { errorText } from './error-text.js'
import type { RelayError } from './errors.js'
import { LazySignal } from './lazy-signal.js'
import { type OpenedStage, openStage, openSteps } from './open-stage.js'
import type { SessionInfo } from './session-info.js'
import type { Direction, Stage, StageContext } from './stage.js'
import { areStageCallsFollowed, callStage, type StageCaller } from './stage-calls.js'
import { stageError } from './stage-error.js'
import { StagePipeline, type StageRef, type StageSteps } from './stage-pipeline.js'

/** Who hears of a session's stages. */
export interface StagesUser {
  /** A step ended before its input did. */
  onStageEnd(stage: StageRef): void
  onStageError(stage: StageRef, error: RelayError): void
}

type Steps = Readonly<Record<Direction, StageSteps[]>>

class Context extends LazySignal implements StageContext {
  readonly direction: Direction
  readonly session: SessionInfo

  constructor(direction: Direction, session: SessionInfo, signal: () => AbortSignal) {
    super(signal)
    this.direction = direction
    this.session = session
  }
}

/** The stages of one session, both ways. They outlive an upstream that proves stale. */
export class SessionStages {
  /** `undefined` when no stage does anything this way. */
  readonly up: StagePipeline | undefined
  readonly down: StagePipeline | undefined
  readonly #opened: { readonly stage: OpenedStage; readonly caller: StageCaller | undefined }[] = []
  #controller: AbortController | undefined
  #user: StagesUser | undefined
  #news: ((user: StagesUser) => void) | undefined
  #broken = false
  #destroyed = false

  /** Opens stages for a session. What one throws here, the user hears. */
  constructor(stages: readonly Stage[], session: SessionInfo) {
    const steps: Steps = { up: [], down: [] }
    for (const [index, stage] of stages.entries()) {
      if (!this.#open(stage, index, session, steps)) break
    }
    // Also when one could not be opened: the pipelines end what the others have made.
    this.up = this.#pipeline(steps.up)
    this.down = this.#pipeline(steps.down)
  }

  /** One could not be opened: not a byte may pass. */
  get broken(): boolean {
    return this.#broken
  }

  /** From now on `user` hears what happens, and at its next turn what happened before; `undefined` keeps it. */
  attach(user: StagesUser | undefined): void {
    this.#user = user
    if (user === undefined) {
      this.up?.attach(undefined)
      this.down?.attach(undefined)
    } else if (this.#news !== undefined) {
      process.nextTick(() => this.#user === user && this.#news?.(user))
    }
  }

  /** Ends them all, and has each release what it holds. */
  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#user = undefined
    const controller = this.#controller
    if (controller !== undefined) callStage(this.#opened[0]?.caller, abort, controller, undefined)
    this.up?.destroy()
    this.down?.destroy()
    for (const { caller, stage } of this.#opened) {
      contain(() => callStage(caller, stage.close, undefined, undefined))
    }
  }

  #open(stage: Stage, index: number, session: SessionInfo, steps: Steps): boolean {
    let ref: StageRef = { name: `#${index + 1}`, direction: 'up' }
    try {
      ref = { ...ref, name: nameOf(stage) }
      const opener = this.#caller(ref)
      const opened = callStage(opener, openStage, stage, session)
      this.#opened.push({ caller: opener, stage: opened })
      for (const direction of ['up', 'down'] as const) {
        ref = { ...ref, direction }
        const caller = this.#caller(ref)
        const made = callStage(caller, openSteps, opened, this.#context(direction, session))
        const part = { ...ref, caller, steps: made }
        if (direction === 'up') steps.up.push(part)
        else steps.down.unshift(part)
      }
      return true
    } catch (error) {
      this.#broken = true
      this.#fail(ref, error)
      return false
    }
  }

  #pipeline(stages: readonly StageSteps[]): StagePipeline | undefined {
    if (stages.every(({ steps }) => steps.length === 0)) return undefined
    const pipeline = new StagePipeline(stages, {
      onStop: (stage) => this.#tell((user) => user.onStageEnd(stage)),
      onFailure: (stage, error) => this.#fail(stage, error),
    })
    if (pipeline.broken) this.#broken = true
    return pipeline
  }

  /** For errors of a stage's code that nobody waits for, if somebody wants to know whose they are. */
  #caller(stage: StageRef): StageCaller | undefined {
    if (!areStageCallsFollowed()) return undefined
    return {
      fail: (error) => {
        if (this.#destroyed) return false
        process.nextTick(() => this.#destroyed || this.#fail(stage, error))
        return true
      },
    }
  }

  #context(direction: Direction, session: SessionInfo): StageContext {
    return new Context(direction, session, () => this.#signal())
  }

  #signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#destroyed) this.#controller.abort()
    return this.#controller.signal
  }

  #fail(stage: StageRef, cause: unknown): void {
    const error = stageError(stage, `failed: ${errorText(cause)}`, cause)
    this.#tell((user) => user.onStageError(stage, error))
  }

  #tell(news: (user: StagesUser) => void): void {
    if (this.#user !== undefined) news(this.#user)
    else this.#news ??= news
  }
}

// Any code of the session's: what fails now finds it over.
function abort(controller: AbortController): void {
  controller.abort()
}

function nameOf({ name }: Stage): string {
  if (typeof name === 'string') return name
  throw new TypeError(`expected a stage with a "name" that is text, got ${errorText(name)}`)
}

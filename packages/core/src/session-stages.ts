import { contain } from './contain.js'
import { errorText } from './error-text.js'
import type { RelayError } from './errors.js'
import { LazySignal } from './lazy-signal.js'
import { openStage, openSteps } from './open-stage.js'
import type { SessionInfo } from './session-info.js'
import type { Direction, OpenStage, Stage, StageContext } from './stage.js'
import { areStageCallsFollowed, callStage, type StageCaller } from './stage-calls.js'
import { stageError } from './stage-error.js'
import { type PipelineObserver, StagePipeline, type StageRef, type StageSteps } from './stage-pipeline.js'

/** Who hears of a session's stages. */
export interface StagesUser {
  /** A step ended before its input did. */
  onStageEnd(stage: StageRef): void
  onStageError(stage: StageRef, error: RelayError): void
}

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
  readonly up: StagePipeline | undefined = undefined
  readonly down: StagePipeline | undefined = undefined
  readonly #opened: OpenStage[] = []
  #controller: AbortController | undefined
  #user: StagesUser | undefined
  #news: ((user: StagesUser) => void) | undefined
  #broken = false
  #destroyed = false

  /** Opens stages for a session. What one throws here, the user hears. */
  constructor(stages: readonly Stage[], session: SessionInfo) {
    const up: StageSteps[] = []
    const down: StageSteps[] = []
    const observer: PipelineObserver = {
      onStop: (stage) => this.#tell((user) => user.onStageEnd(stage)),
      onFailure: (stage, error) => this.#fail(stage, error),
    }
    let ref: StageRef = { name: '', direction: 'up' }
    try {
      for (const stage of stages) {
        ref = { name: stage.name, direction: 'up' }
        let caller = this.#caller(ref)
        const opened = callStage(caller, openStage, stage, session)
        if (opened !== stage) this.#opened.push(opened)
        up.push({ ...ref, caller, steps: callStage(caller, openSteps, opened, this.#context('up', session)) })
        ref = { ...ref, direction: 'down' }
        caller = this.#caller(ref)
        const steps = callStage(caller, openSteps, opened, this.#context('down', session))
        down.unshift({ ...ref, caller, steps })
      }
      this.up = pipeline(up, observer)
      this.down = pipeline(down, observer)
    } catch (error) {
      this.#broken = true
      this.#fail(ref, error)
    }
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
    this.#controller?.abort()
    this.up?.destroy()
    this.down?.destroy()
    for (const stage of this.#opened) contain(() => stage.close?.())
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

function pipeline(stages: readonly StageSteps[], observer: PipelineObserver): StagePipeline | undefined {
  return stages.some(({ steps }) => steps.length > 0) ? new StagePipeline(stages, observer) : undefined
}

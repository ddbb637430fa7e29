import { contain } from './contain.js'
import type { RelayError } from './errors.js'
import { LazySignal } from './lazy-signal.js'
import type { SessionInfo } from './session-info.js'
import { type Direction, type OpenStage, type Stage, type StageContext, stepList } from './stage.js'
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
  readonly up: StagePipeline | undefined
  readonly down: StagePipeline | undefined
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
    for (const stage of stages) {
      const { name } = stage
      let direction: Direction = 'up'
      try {
        const opened = stage.open?.(session) ?? stage
        if (opened !== stage) this.#opened.push(opened)
        up.push({ name, direction, steps: stepList(opened.up?.(this.#context('up', session))) })
        direction = 'down'
        down.unshift({ name, direction, steps: stepList(opened.down?.(this.#context('down', session))) })
      } catch (error) {
        this.#broken = true
        this.#fail({ name, direction }, error)
        break
      }
    }
    const observer: PipelineObserver = {
      onStop: (stage) => this.#tell((user) => user.onStageEnd(stage)),
      onFailure: (stage, error) => this.#fail(stage, error),
    }
    this.up = pipeline(up, observer)
    this.down = pipeline(down, observer)
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

  #context(direction: Direction, session: SessionInfo): StageContext {
    return new Context(direction, session, () => this.#signal())
  }

  #signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#destroyed) this.#controller.abort()
    return this.#controller.signal
  }

  #fail(stage: StageRef, cause: unknown): void {
    const error = stageError(
      stage,
      `failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    )
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

import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { Failure, type FailureCode } from '../failure.js'
import type { Signal } from '../io.js'
import type { Fields, Log } from '../log.js'
import type { Shell } from '../shell.js'
import type { ReopenOrder, StopOrder, WorkerReport, WorkerStart } from './worker-link.js'

// A worker that has lived so long was not ended by what it does at its start.
const STEADY_MS = 10_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 30_000
// A worker that hears has left by then: it takes a second at most.
const KILL_AFTER_MS = 1_500

export interface WorkerSlotHost extends Pick<Shell, 'argv' | 'stdout' | 'stderr'> {
  readonly log: Log
  /** A worker accepts clients: the first one, or another after it. */
  listening(fields: Fields): void
  /** The worker has ended as it was told to. */
  stopped(totals: Fields): void
}

/**
 * One place among the workers: whoever ends in it without being told to is followed by another, at once or, if that has ended
 * quickly, too, after growing pauses.
 *
 * ```text
 *   running ──exit──▶ pause ──▶ running        stop(): the worker drains, and nobody follows
 * ```
 */
export class WorkerSlot {
  /** Resolves when its worker has ended, no other will follow, and all it printed was read. */
  readonly over: Promise<void>
  #listens = false
  readonly #start: WorkerStart
  readonly #host: WorkerSlotHost
  #worker: Worker | undefined
  #pause: NodeJS.Timeout | undefined
  /** A worker has listened here: the next one is started whatever becomes of it. */
  #serving = false
  #quickExits = 0
  #stopping = false
  #order: StopOrder | undefined
  #onOver = (): void => {}

  constructor(start: WorkerStart, host: WorkerSlotHost) {
    this.#start = start
    this.#host = host
    this.over = new Promise((resolve) => {
      this.#onOver = resolve
    })
  }

  /** Whether its worker accepts clients. */
  get listens(): boolean {
    return this.#listens
  }

  /** Resolves when a worker listens. **Fails** when it ends before, having said why. */
  launch(): Promise<void> {
    if (this.#stopping) return Promise.resolve()
    const { argv, stdout, stderr } = this.#host
    const exec = fileURLToPath(new URL('./worker-main.js', import.meta.url))
    cluster.setupPrimary({ exec, args: [JSON.stringify(this.#start), ...argv], silent: true })
    const worker = cluster.fork()
    const startedAt = performance.now()
    this.#worker = worker
    if (worker.process.stdout) stdout.feed(worker.process.stdout)
    if (worker.process.stderr) stderr.feed(worker.process.stderr)
    return new Promise((resolve, reject) => {
      worker.on('message', ({ message, fields }: WorkerReport) => {
        if (message === 'stopped') return this.#host.stopped(fields)
        this.#serving = true
        this.#host.listening(fields)
        // What it was told before it could hear is lost.
        if (this.#order !== undefined) worker.send(this.#order)
        this.#listens = true
        resolve()
      })
      // Of a message to a worker that is gone: its end is told below.
      worker.on('error', () => {})
      worker.process.once('close', (code: number | null, signal: string | null) => {
        this.#worker = undefined
        this.#listens = false
        reject(
          new Failure((code ?? 1) as FailureCode, signal === null ? '' : `a worker was ended by ${signal}`),
        )
        if (this.#stopping) this.#onOver()
        else if (this.#serving) this.#follow(performance.now() - startedAt, code, signal)
      })
    })
  }

  /** Has the worker let its sessions end, and then end itself. */
  stop(signal: Signal): void {
    this.#tell({ stop: signal })
  }

  /** Has the worker open its logs anew. One that is being started opens them anyway. */
  reopen(): void {
    this.#worker?.send({ reopen: true } satisfies ReopenOrder)
  }

  /** Has the worker cut its sessions, and leave; one that does not hear is killed. */
  force(exitCode: number): void {
    this.#tell({ force: exitCode })
    const worker = this.#worker?.process
    const timer = setTimeout(() => worker?.kill('SIGKILL'), KILL_AFTER_MS)
    void this.over.then(() => clearTimeout(timer))
  }

  #tell(order: StopOrder): void {
    this.#stopping = true
    this.#order = order
    clearTimeout(this.#pause)
    if (this.#worker === undefined) this.#onOver()
    else this.#worker.send(order)
  }

  #follow(livedMs: number, code: number | null, signal: string | null): void {
    this.#quickExits = livedMs > STEADY_MS ? 0 : this.#quickExits + 1
    const pauseMs =
      this.#quickExits === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (this.#quickExits - 1), LONGEST_PAUSE_MS)
    const how = signal === null ? { exitCode: code ?? undefined } : { signal }
    this.#host.log('error', 'worker exited', { worker: this.#start.index, ...how, restartMs: pauseMs })
    // Should this one fail, it is followed, too.
    this.#pause = setTimeout(() => this.launch().catch(() => {}), pauseMs)
  }
}

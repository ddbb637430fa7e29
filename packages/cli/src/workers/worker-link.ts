import type { Signal } from '../io.js'
import type { Fields } from '../log.js'

/** What every worker says of itself, for the primary to say once. */
export interface WorkerReport {
  readonly message: 'listening' | 'stopped'
  readonly fields: Fields
}

/** What the primary says to a worker: that the command was sent this signal; or that it is to cut all, and leave with this code. */
export type StopOrder = { readonly stop: Signal } | { readonly force: number }

/** What else it says: that the worker is to open its logs anew. */
export interface ReopenOrder {
  readonly reopen: true
}

export type Order = StopOrder | ReopenOrder

/** Which of the workers one is. */
export interface WorkerPlace {
  /** From 1 to `count`. */
  readonly index: number
  readonly count: number
}

/** In a worker of `--workers`: its place among them, and its line to the primary. */
export interface WorkerLink extends WorkerPlace {
  /** Resolves when the report is on its way: a worker may exit then. */
  report(report: WorkerReport): Promise<void>
  /** Calls `listener` when the worker is to cut all and leave: it was told to, or its primary is gone. */
  onForced(listener: (exitCode: number) => void): void
}

/** What a worker is started with, beside the command's own arguments. */
export interface WorkerStart extends WorkerPlace {
  /** Whether the primary's outputs are terminals; the worker's own are pipes to it. */
  readonly stdoutIsTTY: boolean
  readonly stderrIsTTY: boolean
  readonly program: string
}

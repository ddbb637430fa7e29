import { basename, relative } from 'node:path'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { WorkerLink } from './workers/worker-link.js'

export type Signal = 'SIGINT' | 'SIGTERM'

/** A Writable that may be a terminal. */
export interface Output extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** All that the command knows of the process around it. */
export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** What a person types to run this command, for hints. */
  readonly program: string
  /** In a worker, and only there: its line to the primary. */
  readonly worker?: WorkerLink
  /** Calls `listener` for each stop signal. */
  onSignal(listener: (signal: Signal) => void): void
  /** Calls `listener` for each error that nobody caught or waited for; without it such an error ends the process. */
  onStrayError?(listener: (error: unknown) => void): void
  /** Calls `listener` when the process leaves, whatever makes it leave: nothing can be waited for any more. */
  onExit?(listener: () => void): void
}

/** The real process. */
export function processIo(): Io {
  unblock(process.stdout)
  unblock(process.stderr)
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    program: typedName(process.argv[1]),
    onSignal(listener) {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener)
    },
    onStrayError: onProcessStrayError,
    onExit: (listener) => void process.once('exit', listener),
  }
}

export function onProcessStrayError(listener: (error: unknown) => void): void {
  process.on('uncaughtException', listener)
  process.on('unhandledRejection', listener)
}

// Node waits for a terminal until it has taken what is written, so Ctrl-S would stop every session. It has no public way to
// say no to that; pipes are written without waiting, and files are quick.
function unblock(output: Output & { _handle?: { setBlocking?(on: boolean): void } }): void {
  if (output.isTTY === true) output._handle?.setBlocking?.(false)
}

// Installed, it is on the PATH; in a checkout it is not.
function typedName(script = ''): string {
  if (basename(script) === 'relay') return 'relay'
  return `node ${relative('', fileURLToPath(new URL('../bin/relay.js', import.meta.url)))}`
}

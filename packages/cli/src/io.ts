import { fstatSync } from 'node:fs'
import { basename, relative } from 'node:path'
import type { Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'
import { LineFile } from '@relay/core/connector'
import { onReopenSignal, onStopSignal } from './process-signals.js'
import type { WorkerLink } from './workers/worker-link.js'

/** Asks to stop; SIGHUP when the terminal is gone. */
export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** A Writable that may be a terminal. */
export interface Output extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
  /** For a process that is gone when this returns. */
  writeNow?(text: string): void
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
  /** Calls `listener` for each signal that asks to open logs anew. */
  onReopen?(listener: () => void): void
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
    stdout: asFile(1) ?? process.stdout,
    stderr: asFile(2) ?? process.stderr,
    env: process.env,
    program: typedName(process.argv[1]),
    onSignal: onStopSignal,
    onReopen: onReopenSignal,
    onStrayError: onProcessStrayError,
    onExit: (listener) => void process.once('exit', listener),
  }
}

export function onProcessStrayError(listener: (error: unknown) => void): void {
  process.on('uncaughtException', listener)
  process.on('unhandledRejection', listener)
}

// Node writes to a file while the event loop waits, and never again after a full disk.
function asFile(fd: number): Output | undefined {
  try {
    // Not in numbers: where the last such answer was a pipe, Node 20 takes a link on the way to a module for a module of its own.
    const target = fstatSync(fd, { bigint: true })
    return target.isFile() || (target.isCharacterDevice() && !isatty(fd)) ? new LineFile(fd) : undefined
  } catch {
    return undefined
  }
}

// Node waits for a terminal until it has taken what is written, so Ctrl-S would stop every session. It has no public way to
// say no to that; pipes are written without waiting.
function unblock(output: Output & { _handle?: { setBlocking?(on: boolean): void } }): void {
  if (output.isTTY === true) output._handle?.setBlocking?.(false)
}

// Installed, it is on the PATH; in a checkout it is not.
function typedName(script = ''): string {
  if (basename(script) === 'relay') return 'relay'
  return `node ${relative('', fileURLToPath(new URL('../bin/relay.js', import.meta.url)))}`
}

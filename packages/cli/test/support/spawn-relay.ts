import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { Lines } from './lines.js'
import { painted } from './painted.js'

export const bin: string = fileURLToPath(new URL('../../bin/relay.js', import.meta.url))

export interface RelayProcess {
  readonly child: ChildProcessWithoutNullStreams
  readonly out: Lines
  readonly err: Lines
  /** The exit code, or the signal that ended the process. */
  readonly exit: Promise<number | string>
}

/** The built command in a process of its own, killed when the test is over. */
export function spawnRelay(...args: readonly string[]): RelayProcess {
  const child = spawn(process.execPath, [...painted, bin, ...args])
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return {
    child,
    out: Lines.of(child.stdout),
    err: Lines.of(child.stderr),
    exit: once(child, 'exit').then(([code, signal]) => code ?? signal),
  }
}

/** The port that a ready line names. */
export function portOf(address: unknown): number {
  return Number(/:(\d+)$/.exec(String(address))?.[1])
}

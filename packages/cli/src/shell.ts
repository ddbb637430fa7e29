import type { Io } from './io.js'
import { type LineSink, lineSink } from './line-sink.js'

/** What a command gets: the {@link Io}, with outputs that cannot hurt it. */
export interface Shell extends Omit<Io, 'stdout' | 'stderr'> {
  readonly stdout: LineSink
  readonly stderr: LineSink
  /** The command's arguments, without node and script. */
  readonly argv: readonly string[]
}

export function createShell(io: Io, argv: readonly string[]): Shell {
  return { ...io, argv, stdout: lineSink(io.stdout), stderr: lineSink(io.stderr) }
}

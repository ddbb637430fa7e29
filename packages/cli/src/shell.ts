import type { Io } from './io.js'
import { type LineSink, lineSink } from './line-sink.js'

/** What a command gets: the {@link Io}, with outputs that cannot hurt it. */
export interface Shell extends Omit<Io, 'stdout' | 'stderr'> {
  readonly stdout: LineSink
  readonly stderr: LineSink
}

export function createShell(io: Io): Shell {
  return { ...io, stdout: lineSink(io.stdout), stderr: lineSink(io.stderr) }
}

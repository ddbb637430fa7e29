import type { Io } from './io.js'
import { type LineSink, lineSink } from './line-sink.js'
import { Stop } from './stop.js'

/** What a command gets: the {@link Io}, with outputs that cannot hurt it. */
export interface Shell extends Omit<Io, 'stdout' | 'stderr' | 'onExit'> {
  readonly stdout: LineSink
  readonly stderr: LineSink
  /** The command's arguments, without node and script. */
  readonly argv: readonly string[]
  /** How the command is to end. */
  readonly stop: Stop
}

export function createShell(io: Io, argv: readonly string[]): Shell {
  const { onExit, ...rest } = io
  const stop = new Stop()
  const [stdout, stderr] = [lineSink(io.stdout), lineSink(io.stderr)]
  onExit?.(() => {
    stop.leaveNow()
    for (const sink of [stdout, stderr]) sink.flushNow()
  })
  return { ...rest, argv, stop, stdout, stderr }
}

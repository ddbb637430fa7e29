import { Failure } from './failure.js'
import { type LineSink, lineSink } from './line-sink.js'
import type { LogFiles } from './log-files.js'
import type { Shell } from './shell.js'

/** A file name, `-` or `off`. **Fails** with an error that says so. */
export function parseAccessLog(text: string): string {
  if (text !== '') return text
  throw new TypeError("expected a file name, - for stdout, or off, got ''")
}

/**
 * Where the session lines go: stdout for `-`, else a file that grows.
 *
 * **Fails** if the file cannot be opened.
 */
export async function openAccessLog(target: string, shell: Shell, files: LogFiles): Promise<LineSink> {
  if (target === '-') return shell.stdout
  const file = await files.open('access log', target).catch((error: Error) => {
    throw new Failure(1, `--access-log: cannot open ${target}: ${error.message}`)
  })
  const sink = lineSink(file)
  files.follow(file, sink)
  return sink
}

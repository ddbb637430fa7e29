import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { Failure } from './failure.js'
import { type LineSink, lineSink } from './line-sink.js'
import type { Log } from './log.js'
import type { Shell } from './shell.js'

/** A file name, `-` or `off`. **Fails** with an error that says so. */
export function parseAccessLog(text: string): string {
  if (text !== '') return text
  throw new TypeError("expected a file name, - for stdout, or off, got ''")
}

/**
 * Where the session lines go: stdout for `-`, else a file that grows.
 *
 * **Fails** if the file cannot be opened; a later error is logged, and ends the writing.
 */
export async function openAccessLog(target: string, shell: Shell, log: Log): Promise<LineSink> {
  if (target === '-') return shell.stdout
  const file = createWriteStream(target, { flags: 'a' })
  await once(file, 'open').catch((error: Error) => {
    throw new Failure(1, `--access-log: cannot open ${target}: ${error.message}`)
  })
  return lineSink(file, (error) => log('error', 'access log stopped', { file: target, error: error.message }))
}

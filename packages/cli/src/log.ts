import { hasColour } from './colour.js'
import { humanLine } from './human-line.js'
import { jsonLine } from './json-line.js'
import type { LineSink } from './line-sink.js'

export type Level = 'info' | 'warn' | 'error'
export type Fields = Readonly<Record<string, string | number | Readonly<Record<string, number>> | undefined>>

/** One line of the log. It never waits and never fails. */
export type Log = (level: Level, message: string, fields?: Fields) => void

export interface LogOptions {
  /** JSON lines also on a terminal. @default false */
  readonly json?: boolean | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** What each line says behind its own. */
  readonly fields?: Fields | undefined
}

const NO_FIELDS: Fields = {}

/** A log for people if `sink` is a terminal, else in JSON lines. Lines that a slow reader left no room for are counted. */
export function createLog(sink: Pick<LineSink, 'isTTY' | 'write'>, options: LogOptions): Log {
  const { json, env, fields: more } = options
  const colour = hasColour(sink, env)
  const line: typeof jsonLine =
    json === true || !sink.isTTY
      ? jsonLine
      : (level, message, fields) =>
          `${humanLine(new Date(), level, message, { ...fields, ...more }, colour)}\n`
  let dropped = 0
  return (level, message, fields = NO_FIELDS) => {
    const hole = dropped > 0 ? line('warn', 'log lines dropped', { lines: dropped }, more) : ''
    dropped = sink.write(`${hole}${line(level, message, fields, more)}`) ? 0 : dropped + 1
  }
}

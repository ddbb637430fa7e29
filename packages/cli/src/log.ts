import { hasColour } from './colour.js'
import { humanLine } from './human-line.js'
import type { LineSink } from './line-sink.js'
import { oneLine } from './one-line.js'

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

/** A log for people if `sink` is a terminal, else in JSON lines. Lines that a slow reader left no room for are counted. */
export async function createLog(sink: Pick<LineSink, 'isTTY' | 'write'>, options: LogOptions): Promise<Log> {
  let taken = true
  let dropped = 0
  const write = (line: string): void => {
    taken = sink.write(line)
  }
  const log =
    options.json === true || !sink.isTTY
      ? await jsonLog(write)
      : humanLog(write, hasColour(sink, options.env))
  return (level, message, fields) => {
    if (dropped > 0) {
      log('warn', 'log lines dropped', { lines: dropped })
      if (taken) dropped = 0
    }
    log(level, message, { ...fields, ...options.fields })
    if (!taken) dropped += 1
  }
}

async function jsonLog(write: (line: string) => void): Promise<Log> {
  const { pino, stdTimeFunctions } = await import('pino')
  const logger = pino(
    { base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => write(`${oneLine(line.trimEnd())}\n`) },
  )
  return (level, message, fields = {}) => logger[level](fields, message)
}

function humanLog(write: (line: string) => void, colour: boolean): Log {
  return (level, message, fields = {}) => write(`${humanLine(new Date(), level, message, fields, colour)}\n`)
}

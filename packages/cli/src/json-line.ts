import type { Fields, Level } from './log.js'
import { oneLine } from './one-line.js'

// What stands in JSON as it is.
const PLAIN = /^[ !#-[\]-~]*$/

let lastMs = 0
let lastTime = ''

/** A log line for programs: one JSON object, with its newline. */
export function jsonLine(level: Level, message: string, fields: Fields, more: Fields | undefined): string {
  let line = `{"level":"${level}","time":"${isoTime()}"`
  for (const key in fields) line += member(key, fields[key])
  if (more !== undefined) for (const key in more) line += member(key, more[key])
  return `${line},"msg":${jsonText(message)}}\n`
}

function member(key: string, value: Fields[string]): string {
  if (typeof value === 'number') return `,"${key}":${Number.isFinite(value) ? value : null}`
  if (typeof value === 'string') return `,"${key}":${jsonText(value)}`
  return value === undefined ? '' : `,"${key}":${oneLine(JSON.stringify(value))}`
}

function jsonText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : oneLine(JSON.stringify(text))
}

// Of many lines in one millisecond.
function isoTime(): string {
  const now = Date.now()
  if (now !== lastMs) {
    lastMs = now
    lastTime = new Date(now).toISOString()
  }
  return lastTime
}

import type { LineSink } from '../line-sink.js'
import type { Log } from '../log.js'

const PREFIX = { '>': '\u001b[32m', '<': '\u001b[36m' }
const RESET = '\u001b[0m'

/** Where taps write to. Never waits: lines that a slow reader left no room for are counted. */
export interface TapWriter {
  readonly write: (lines: string) => void
  /** Logs how many lines were dropped since it did so last, if any. */
  report(): void
}

/** Writes the lines of taps beside those of the log; `colour` tells the directions apart. */
export function tapWriter(sink: LineSink, log: Log, colour: boolean): TapWriter {
  let dropped = 0
  const report = (): void => {
    if (dropped === 0) return
    log('warn', 'tap lines dropped', { lines: dropped })
    dropped = 0
  }
  return {
    write(lines) {
      const taken = sink.writeBulk(colour ? coloured(lines) : lines)
      if (!taken) dropped += lines.split('\n').length - 1
      else report()
    },
    report,
  }
}

function coloured(lines: string): string {
  return lines.replace(/^\S+ ([<>])/gm, (prefix, way: '<' | '>') => `${PREFIX[way]}${prefix}${RESET}`)
}

import type { Output } from './io.js'

// What a reader that has stopped reading may cost us in memory; a line that would come on top is dropped.
const MAX_PENDING_BYTES = 1024 * 1024
const FLUSH_MS = 500

/** Takes text at once or not at all: it never waits and never fails, whatever becomes of its reader. */
export interface LineSink {
  readonly isTTY: boolean
  /** Of the terminal, at this moment; 80 where there is none. */
  readonly columns: number
  /** Says whether the text was taken. */
  write(text: string): boolean
  /** As `write`, for text that comes in any amount: it leaves half of the room to the rest. */
  writeBulk(text: string): boolean
  /** Resolves when all that was taken is out, the reader is gone, or half a second has passed. */
  flush(): Promise<void>
}

/** `onGone` is told, once, when the reader is gone or the disk is full: from then on nothing is taken. */
export function lineSink(output: Output, onGone?: (error: Error) => void): LineSink {
  let gone = false
  output.on('error', (error: Error) => {
    if (!gone) onGone?.(error)
    gone = true
  })
  const writeUpTo = (maxPendingBytes: number, text: string): boolean => {
    if (gone || output.writableLength > maxPendingBytes) return false
    output.write(text)
    return true
  }
  return {
    isTTY: output.isTTY === true,
    get columns() {
      return output.columns ?? 80
    },
    write: (text) => writeUpTo(MAX_PENDING_BYTES, text),
    writeBulk: (text) => writeUpTo(MAX_PENDING_BYTES / 2, text),
    flush() {
      if (gone || output.writableLength === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, FLUSH_MS)
        output.write('', () => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
  }
}

import type { Readable } from 'node:stream'
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
  /** Hands on what another process prints, in whole lines, no faster than they are read; it ends with the source. */
  feed(source: Readable): void
  /** Resolves when all that was taken is out, the reader is gone, or half a second has passed. */
  flush(): Promise<void>
}

/** `onGone` is told, once, when the reader is gone or the disk is full: from then on nothing is taken. */
export function lineSink(output: Output, onGone?: (error: Error) => void): LineSink {
  let gone = false
  const paused = new Set<Readable>()
  const resume = (): void => {
    for (const source of paused) source.resume()
    paused.clear()
  }
  output.on('drain', resume)
  output.on('error', (error: Error) => {
    if (!gone) onGone?.(error)
    gone = true
    resume()
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
    feed(source) {
      let rest = ''
      source.setEncoding('utf8')
      source.on('data', (text: string) => {
        const end = text.lastIndexOf('\n') + 1
        const lines = end === 0 ? '' : rest + text.slice(0, end)
        rest = end === 0 ? rest + text : text.slice(end)
        if (gone || lines === '' || output.write(lines)) return
        source.pause()
        paused.add(source)
      })
      source.once('end', () => {
        if (rest !== '' && !gone) output.write(`${rest}\n`)
      })
    },
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

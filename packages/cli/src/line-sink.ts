import type { Readable } from 'node:stream'
import type { Output } from './io.js'

// What a reader that has stopped reading may cost us in memory; a line that would come on top is dropped.
const MAX_PENDING_BYTES = 1024 * 1024
const FLUSH_MS = 500

// A write costs more than the making of a line: those that come soon after one another share it.
const BATCH_MS = 25
const BATCH_BYTES = 16 * 1024

/** Takes text at once or not at all: it never waits and never fails, whatever becomes of its reader. */
export interface LineSink {
  readonly isTTY: boolean
  /** Of the terminal, at this moment; 80 where there is none. */
  readonly columns: number
  /** How many texts `write` has not taken. */
  readonly dropped: number
  /** How many were taken, and are not out yet. */
  readonly pending: number
  /** Says whether the text was taken. */
  write(text: string): boolean
  /** As `write`, for text that comes in any amount: it leaves half of the room to the rest. */
  writeBulk(text: string): boolean
  /** Hands on what another process prints, in whole lines, no faster than they are read; it ends with the source. */
  feed(source: Readable): void
  /** Resolves when all that was taken is out, the reader is gone, or half a second has passed. */
  flush(): Promise<void>
  /** For a process that is gone when this returns: what waits for company goes out, if that takes no waiting. */
  flushNow(): void
}

/** When the reader is gone nothing is taken any more. */
export function lineSink(output: Output): LineSink {
  let gone = false
  let batch = ''
  let [inBatch, dropped, pending] = [0, 0, 0]
  let sentAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  const paused = new Set<Readable>()
  const resume = (): void => {
    for (const source of paused) source.resume()
    paused.clear()
  }
  output.on('drain', resume)
  output.on('error', () => {
    gone = true
    resume()
  })
  const takeBatch = (): string => {
    clearTimeout(timer)
    timer = undefined
    const text = batch
    batch = ''
    return text
  }
  const send = (): void => {
    sentAt = performance.now()
    const texts = inBatch
    inBatch = 0
    output.write(takeBatch(), () => {
      pending -= texts
    })
  }
  const writeUpTo = (maxPendingBytes: number, text: string): boolean => {
    if (gone || output.writableLength + batch.length > maxPendingBytes) return false
    batch += text
    inBatch++
    pending++
    if (timer === undefined) {
      // The first after a pause does not wait.
      if (performance.now() - sentAt >= BATCH_MS) send()
      else timer = setTimeout(send, BATCH_MS)
    } else if (batch.length >= BATCH_BYTES) {
      send()
    }
    return true
  }
  return {
    isTTY: output.isTTY === true,
    get columns() {
      return output.columns ?? 80
    },
    get dropped() {
      return dropped
    },
    get pending() {
      return pending
    },
    write(text) {
      const taken = writeUpTo(MAX_PENDING_BYTES, text)
      if (!taken) dropped++
      return taken
    },
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
      if (batch !== '') send()
      if (gone || output.writableLength === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const patience = setTimeout(resolve, FLUSH_MS)
        output.write('', () => {
          clearTimeout(patience)
          resolve()
        })
      })
    },
    flushNow() {
      if (gone || batch === '') return
      if (output.writeNow === undefined) send()
      else output.writeNow(takeBatch())
    },
  }
}

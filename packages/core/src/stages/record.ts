import { LineFile } from '../line-file.js'
import { checkOptions, checkValue, type OptionCheck, text } from '../options.js'
import type { Direction, SessionInfo, Stage, StepFunction } from '../stage.js'

/** Where to: one of the two. */
export type RecordOptions =
  | {
      /** The file; what is in it stays, and new lines are added. */
      readonly path: string
      readonly file?: undefined
    }
  | {
      /** Already open, or about to be; closed with the recording. */
      readonly file: LineFile
      readonly path?: undefined
    }

/** A line of a recording: a chunk, the beginning or the end of a session, or a hole. */
export type RecordLine =
  | { readonly session: string; readonly atMs: number; readonly event: 'open' | 'close' }
  | {
      readonly session: string
      /** Since the session's start. */
      readonly atMs: number
      readonly direction: Direction
      readonly bytes: number
      /** Base64. */
      readonly data: string
    }
  | {
      readonly event: 'dropped'
      /** How many lines, of any session, would have stood here. */
      readonly lines: number
    }

/** A recording, to be closed by whoever began it. */
export interface RecordStage extends Stage, Disposable {
  /** Lines that are lost, because the file stood still for too long. */
  readonly dropped: number
  /** Lines that are not in the file yet. */
  readonly pending: number
  /** Nothing is written any more but what is pending; what passes still does. */
  close(): void
}

// What a file that stands still may cost in memory.
const MAX_KEPT_BYTES = 1024 * 1024

const lineFile: OptionCheck = (value) => (value instanceof LineFile ? undefined : 'a LineFile')

/**
 * Writes what passes to a file, both ways, with the time of each chunk, as JSON lines ({@link RecordLine}). A chunk is in the file
 * before it passes, unless the file stands still: a full pipe, a disk that does not answer. From a second on sessions do not wait for
 * that; up to 1 MiB is kept, and what comes on top is dropped, and counted in a line of its own.
 *
 * **Fails** when the file can't be opened; a session whose line can't be written ends as `stage-error`.
 */
export function record(options: RecordOptions): RecordStage {
  checkOptions('record', options, { path: text, file: lineFile })
  if (options.file === undefined) checkValue('record', 'path', options.path, text)
  const file = options.file ?? new LineFile(options.path, { openNow: true })
  const waiting = new Set<{ resolve(): void; reject(error: Error): void }>()
  let closed = false
  let [pending, dropped, untold] = [0, 0, 0]

  file.on('stopped', (error: Error) => {
    for (const { resolve, reject } of waiting) isFailure(error) ? reject(error) : resolve()
    waiting.clear()
  })
  const write = (line: RecordLine, written = () => {}): void => {
    if (file.stopped !== undefined && file.writableLength > MAX_KEPT_BYTES) {
      dropped++
      untold++
      return
    }
    const hole: RecordLine | undefined = untold === 0 ? undefined : { event: 'dropped', lines: untold }
    untold = 0
    pending++
    file.write(`${hole === undefined ? '' : `${JSON.stringify(hole)}\n`}${JSON.stringify(line)}\n`, () => {
      pending--
      written()
    })
  }
  /** Resolves when the line is in the file, or nobody is to wait for that. */
  const written = (line: RecordLine): Promise<void> | undefined => {
    const { stopped } = file
    if (stopped !== undefined && isFailure(stopped)) throw stopped
    if (stopped !== undefined) return void write(line)
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject }
      waiting.add(waiter)
      write(line, () => {
        waiting.delete(waiter)
        resolve()
      })
    })
  }
  const close = (): void => {
    closed = true
    file.end()
  }
  return {
    name: 'record',
    get dropped() {
      return dropped
    },
    get pending() {
      return pending
    },
    open({ id: session }: SessionInfo) {
      const startedAt = performance.now()
      const atMs = (): number => Math.round((performance.now() - startedAt) * 1_000) / 1_000
      const event = (name: 'open' | 'close', at: number): void => {
        if (!closed) write({ session, atMs: at, event: name })
      }
      const recorded = ({ direction }: { direction: Direction }): StepFunction => {
        return (chunk) => {
          if (closed) return chunk
          const data = chunk.toString('base64')
          return (
            written({ session, atMs: atMs(), direction, bytes: chunk.length, data })?.then(() => chunk) ??
            chunk
          )
        }
      }
      event('open', 0)
      return { up: recorded, down: recorded, close: () => event('close', atMs()) }
    },
    close,
    [Symbol.dispose]: close,
  }
}

/** Whether it was refused, and does not only wait. */
function isFailure(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code !== undefined
}

import { appendFileSync, closeSync, openSync } from 'node:fs'
import { checkOptions, checkValue, text } from '../options.js'
import type { Direction, SessionInfo, Stage, StepFunction } from '../stage.js'

export interface RecordOptions {
  /** The file; what is in it stays, and new lines are added. */
  readonly path: string
}

/** A line of a recording: a chunk, or the beginning or the end of a session. */
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

/** A recording, to be closed by whoever began it. */
export interface RecordStage extends Stage, Disposable {
  /** Nothing is written any more; what passes still does. */
  close(): void
}

/**
 * Writes what passes to a file, both ways, with the time of each chunk, as JSON lines ({@link RecordLine}). A chunk is in the file
 * before it passes.
 *
 * **Fails** when the file can't be opened; a session whose line can't be written ends as `stage-error`.
 */
export function record(options: RecordOptions): RecordStage {
  checkOptions('record', options, { path: text })
  checkValue('record', 'path', options.path, text)
  let file: number | undefined = openSync(options.path, 'a')
  const write = (line: RecordLine): void => {
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`)
  }
  const close = (): void => {
    if (file !== undefined) closeSync(file)
    file = undefined
  }
  return {
    name: 'record',
    open({ id: session }: SessionInfo) {
      const startedAt = performance.now()
      const atMs = (): number => Math.round((performance.now() - startedAt) * 1_000) / 1_000
      const recorded = ({ direction }: { direction: Direction }): StepFunction => {
        return (chunk) => {
          write({ session, atMs: atMs(), direction, bytes: chunk.length, data: chunk.toString('base64') })
          return chunk
        }
      }
      write({ session, atMs: 0, event: 'open' })
      return { up: recorded, down: recorded, close: () => write({ session, atMs: atMs(), event: 'close' }) }
    },
    close,
    [Symbol.dispose]: close,
  }
}

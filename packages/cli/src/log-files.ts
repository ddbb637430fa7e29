import { LineFile } from '@relay/core/connector'
import type { Log } from './log.js'
import type { Cuttable } from './stop.js'

// A disk that does not answer must not hold up the start, nor the stop.
const OPEN_MS = 1_000
const CLOSE_MS = 500

/** Who writes the lines of a file. */
export interface LineSource {
  /** Lines that there was no room for. */
  readonly dropped: number
  /** Lines that are not in the file yet. */
  readonly pending: number
  /** Hands over what it holds back, for a process that is gone when this returns. */
  flushNow?(): void
}

interface LogFile {
  readonly what: string
  readonly file: LineFile
  source: LineSource
  /** How many dropped lines were told of. */
  told: number
}

/**
 * The files that a command adds lines to. They never hold it up: what they cannot take now is kept, up to a bound, and tried again; what
 * comes on top is lost, and counted. The log tells when that begins and ends.
 */
export class LogFiles implements Cuttable {
  readonly #log: Log
  readonly #open: LogFile[] = []

  constructor(log: Log) {
    this.#log = log
  }

  /**
   * Opens a file; one that does not answer within a second, and a FIFO that nobody reads yet, are opened later. `what` it is, the log and
   * an error say.
   *
   * **Fails** with the system's error when the file cannot be opened.
   */
  async open(what: string, path: string): Promise<LineFile> {
    const file = new LineFile(path)
    const entry: LogFile = { what, file, source: { dropped: 0, pending: 0 }, told: 0 }
    let failed: ((error: Error) => void) | undefined
    file.on('stopped', (error: NodeJS.ErrnoException) => {
      // Before it was open once, a failure is of the command.
      if (failed !== undefined && error.code !== undefined) return failed(error)
      this.#log('error', `${what} stopped`, { file: path, error: error.message })
    })
    file.on('resumed', () => this.#log('warn', `${what} resumed`, { file: path, lines: untold(entry) }))
    file.on('kept', (error: Error) =>
      this.#log('error', `${what} not reopened`, { file: path, error: error.message }),
    )
    const opened = new Promise<void>((resolve, reject) => {
      failed = reject
      file.once('opened', resolve).once('stopped', () => resolve())
    })
    try {
      await within(OPEN_MS, opened)
    } catch (error) {
      file.destroy()
      throw error
    } finally {
      failed = undefined
    }
    this.#open.push(entry)
    return file
  }

  /** From now on it is known whose lines those of the file are. */
  follow(file: LineFile, source: LineSource): void {
    const entry = this.#open.find((one) => one.file === file)
    if (entry !== undefined) entry.source = source
  }

  /** Opens all names anew: somebody has renamed the files. */
  reopen(): void {
    for (const { file } of this.#open) file.reopen()
  }

  /** Resolves when all lines are out, or half a second has passed; what is lost then is told of. */
  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((entry) => this.#close(entry)))
  }

  /** Cut, the sessions still have their lines written. */
  cut(): Promise<void> {
    return Promise.resolve()
  }

  cutNow(): void {
    for (const { file, source } of this.#open.splice(0)) {
      source.flushNow?.()
      file.destroy()
    }
  }

  async #close(entry: LogFile): Promise<void> {
    const { what, file, source } = entry
    const finished = new Promise((resolve) => file.end(resolve))
    await within(CLOSE_MS, finished)
    file.destroy()
    const lines = untold(entry) + source.pending
    if (lines > 0) this.#log('warn', `${what} lines lost`, { file: file.path, lines })
  }
}

/** Resolves when the work is done, or time is up. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeIsUp = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, timeIsUp]).finally(() => clearTimeout(timer))
}

function untold(entry: LogFile): number {
  const lines = entry.source.dropped - entry.told
  entry.told = entry.source.dropped
  return lines
}

import {
  type BigIntStats,
  close,
  constants,
  fstat,
  fstatSync,
  ftruncate,
  open,
  openSync,
  stat,
  write,
  writeSync,
} from 'node:fs'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { boolean, checkOptions } from './options.js'

const files = {
  close: promisify(close),
  fstat: promisify(fstat),
  ftruncate: promisify(ftruncate),
  open: promisify(open),
  stat: promisify(stat),
  write: promisify(write),
}

export interface LineFileOptions {
  /**
   * Opens it before the constructor returns, which then **fails** with the system's error; a FIFO that nobody reads is none.
   *
   * @default false
   */
  readonly openNow?: boolean | undefined
}

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants
// Who opens a FIFO that nobody reads would else wait for its reader, and with it one of Node's four threads.
const FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK
const MODE = 0o666

// Without an answer for so long a file counts as stopped.
const STALL_MS = 1_000
const RETRY_MS = 250
const FIRST_RETRY_MS = 5
const LOOK_MS = 1_000

// What a pipe takes as a whole or not at all, and never between the parts of another writer.
const PIPE_BYTES = 4096
const NEWLINE = 10

/**
 * A file, or a FIFO, that lines are added to. It has the descriptor, and does one thing at a time with it, on a thread of Node's: nobody
 * waits for it. What it cannot write it keeps, and tries again; whoever writes looks at `writableLength` first, and bounds what is kept.
 *
 * ```text
 *                 open                failed, or a second without an answer
 *   opening ────────────▶ writing ──────────────────────────────────────────▶ stopped ─┐
 *      │                  │ ▲  ▲                                                │      │ 'stopped', once
 *      └─ a failure ─▶    │ │  └──────────────── a write went through ──────────┘      ▼
 *          stopped        │ └── open, or the old one is kept, 'kept' ──┐          tried again
 *                         └─ reopen(), or the name leads elsewhere ────┘
 * ```
 *
 * Events: `opened`, each time; `stopped` with the error, `resumed`; `kept` with the error, when the name could not be opened anew.
 *
 * **Fails** never, but for being destroyed. **Ends** when all is written. Each write is of whole lines.
 */
export class LineFile extends Writable {
  /** Where it is found again when it is opened anew; `undefined` for a descriptor of somebody else's. */
  readonly path?: string
  #fd: number | undefined
  #identity: Pick<BigIntStats, 'dev' | 'ino'> | undefined
  #isPipe = false
  #reopens = false
  #lookAt = 0
  #missing = false
  #stopped: Error | undefined
  /** Since when a pipe is full. */
  #fullAt: number | undefined
  #busy = false
  #wake: (() => void) | undefined

  /** @param target - A path; or a descriptor, which stays open when this is over. */
  constructor(target: string | number, options: LineFileOptions = {}) {
    checkOptions('LineFile', options, { openNow: boolean })
    super({ decodeStrings: false })
    const { openNow = false } = options
    if (typeof target === 'string') this.path = target
    const fd = typeof target === 'number' ? target : openNow ? openedNow(target) : undefined
    if (fd === undefined) this.reopen()
    else this.#use(fd, fstatSync(fd, { bigint: true }))
  }

  /** Why it cannot be written now; `undefined` when it can. It has a `code` where that failed, and none where it only waits. */
  get stopped(): Error | undefined {
    return this.#stopped
  }

  /** Opens the name anew: the line under way goes to the old file, what follows it to the new one. */
  reopen(): void {
    if (this.path === undefined || this.destroyed || this.writableEnded) return
    this.#reopens = true
    this.#wake?.()
    this.write('')
  }

  /** For a process that is gone when this returns. What cannot be written then is lost. */
  writeNow(text: string): void {
    if (this.#fd === undefined || this.#stopped !== undefined) return
    try {
      writeSync(this.#fd, text)
    } catch {
      // There is nobody left to tell.
    }
  }

  override _write(text: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    void this.#put(Buffer.from(text as string)).then(done)
  }

  override _writev(chunks: { chunk: string | Buffer }[], done: () => void): void {
    void this.#put(Buffer.from(chunks.map(({ chunk }) => chunk).join(''))).then(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#wake?.()
    if (!this.#busy) this.#letGo()
    done(error)
  }

  /** Resolves when all of it is out, however long that takes. */
  async #put(lines: Buffer): Promise<void> {
    this.#busy = true
    for (let at = 0; !this.destroyed; ) {
      try {
        if (isLineStart(lines, at)) await this.#openIfDue()
        if (at === lines.length || this.destroyed) break
        const from = at
        at += await this.#writeFrom(lines, at)
        // Half a line may be taken back.
        if (lines.subarray(from, at).includes(NEWLINE)) this.#onProgress()
      } catch (error) {
        if (!this.#isPipe && !isLineStart(lines, at)) at = await this.#takeBack(lines, at)
        await this.#pauseFor(error)
      }
    }
    this.#busy = false
    if (this.destroyed) this.#letGo()
    else this.#onProgress()
  }

  async #writeFrom(lines: Buffer, at: number): Promise<number> {
    const fd = this.#fd as number
    const end = this.#isPipe ? pipefulEnd(lines, at) : lines.length
    const { bytesWritten } = await this.#answered(files.write(fd, lines, at, end - at, null))
    return bytesWritten
  }

  /** Half a line leaves the full disk again, lest another process writes its own behind it. Resolves with where that line begins. */
  async #takeBack(lines: Buffer, at: number): Promise<number> {
    const fd = this.#fd as number
    const start = lines.lastIndexOf(NEWLINE, at - 1) + 1
    try {
      const { size } = await this.#answered(files.fstat(fd))
      await this.#answered(files.ftruncate(fd, Math.max(0, size - (at - start))))
    } catch {
      // Then it stays.
    }
    return start
  }

  async #openIfDue(): Promise<void> {
    const { path } = this
    if (path === undefined || !(this.#fd === undefined || this.#reopens || (await this.#hasMoved(path))))
      return
    // A call that comes while this one is under way is another one.
    this.#reopens = false
    const old = this.#fd
    try {
      const fd = await this.#answered(files.open(path, FLAGS, MODE))
      this.#use(fd, await this.#answered(files.fstat(fd, { bigint: true })))
    } catch (error) {
      if (old === undefined) throw error
      this.emit('kept', error)
      return
    }
    if (old !== undefined) await this.#answered(files.close(old)).catch(() => {})
  }

  /** Whether the name leads to another file, or for more than a moment to none: whoever renamed it may be about to make the next one. */
  async #hasMoved(path: string): Promise<boolean> {
    const now = performance.now()
    if (now < this.#lookAt) return false
    this.#lookAt = now + LOOK_MS
    try {
      const { dev, ino } = await this.#answered(files.stat(path, { bigint: true }))
      this.#missing = false
      return dev !== this.#identity?.dev || ino !== this.#identity.ino
    } catch (error) {
      const wasMissing = this.#missing
      this.#missing = codeOf(error) === 'ENOENT'
      return wasMissing && this.#missing
    }
  }

  #use(fd: number, identity: BigIntStats): void {
    this.#fd = fd
    this.#identity = identity
    this.#isPipe = !identity.isFile()
    this.#missing = false
    this.#lookAt = performance.now() + LOOK_MS
    this.emit('opened')
  }

  async #answered<T>(work: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#stop(new Error('the file system does not answer')), STALL_MS).unref()
    try {
      return await work
    } finally {
      clearTimeout(timer)
    }
  }

  /** Waits until it is worth another try, or the name is to be opened anew. */
  async #pauseFor(error: unknown): Promise<void> {
    const code = codeOf(error)
    let pauseMs = RETRY_MS
    if (code === 'EAGAIN') {
      const now = performance.now()
      this.#fullAt ??= now
      pauseMs = Math.min(RETRY_MS, Math.max(FIRST_RETRY_MS, now - this.#fullAt))
      if (now - this.#fullAt >= STALL_MS) this.#stop(new Error('its reader does not read'))
    } else {
      this.#fullAt = undefined
      const unread = code === 'ENXIO' || code === 'EPIPE'
      this.#stop(unread ? new Error(`nobody reads this pipe (${code})`) : (error as Error))
    }
    if (this.#reopens) pauseMs = FIRST_RETRY_MS
    await new Promise<void>((resolve) => {
      // Nobody's process lives on for what cannot be written.
      const timer = setTimeout(resolve, pauseMs).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  #stop(error: Error): void {
    const told = this.#stopped !== undefined
    this.#stopped = error
    if (!told && !this.destroyed) this.emit('stopped', error)
  }

  #onProgress(): void {
    this.#fullAt = undefined
    if (this.#stopped === undefined) return
    this.#stopped = undefined
    this.emit('resumed')
  }

  #letGo(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined && this.path !== undefined) close(fd, () => {})
  }
}

function openedNow(path: string): number | undefined {
  try {
    return openSync(path, FLAGS, MODE)
  } catch (error) {
    if (codeOf(error) === 'ENXIO') return undefined
    throw error
  }
}

function isLineStart(lines: Buffer, at: number): boolean {
  return at === 0 || lines[at - 1] === NEWLINE
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

/** The end of the whole lines that fit in one write; of the first line where that alone does not. */
function pipefulEnd(bytes: Buffer, at: number): number {
  if (bytes.length - at <= PIPE_BYTES) return bytes.length
  const end = bytes.lastIndexOf(NEWLINE, at + PIPE_BYTES - 1) + 1
  return end > at ? end : bytes.indexOf(NEWLINE, at) + 1 || bytes.length
}

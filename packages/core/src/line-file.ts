import { type BigIntStats, close, fstatSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import { ADDING, codeOf, fileCalls, openedNow } from './file-calls.js'
import { boolean, checkOptions } from './options.js'
import { endOfPipeful, holdsLineEnd, isLineStart, startOfLine } from './whole-lines.js'

export interface LineFileOptions {
  /**
   * Opens it before the constructor returns, which then **fails** with the system's error; a FIFO that nobody reads is none.
   *
   * @default false
   */
  readonly openNow?: boolean | undefined
}

// Without an answer for so long a file counts as stopped.
const STALL_MS = 1_000
const RETRY_MS = 250
const FIRST_RETRY_MS = 5
const LOOK_MS = 1_000

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
  /** The name could not be opened anew. */
  #kept = false
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
        if (holdsLineEnd(lines, from, at)) this.#onProgress()
      } catch (error) {
        if (!isLineStart(lines, at)) at = await this.#takeBack(lines, at)
        await this.#pauseFor(error)
      }
    }
    this.#busy = false
    if (this.destroyed) this.#letGo()
    else this.#onProgress()
  }

  async #writeFrom(lines: Buffer, at: number): Promise<number> {
    const fd = this.#fd as number
    const end = this.#isPipe ? endOfPipeful(lines, at) : lines.length
    const { bytesWritten } = await this.#answered(fileCalls.write(fd, lines, at, end - at, null))
    return bytesWritten
  }

  /** Half a line leaves the full disk again, lest another process writes its own behind it. Resolves with what to go on from. */
  async #takeBack(lines: Buffer, at: number): Promise<number> {
    // Who has opened somebody else's descriptor may not have opened it to add to the end.
    if (this.#isPipe || this.path === undefined) return at
    const fd = this.#fd as number
    const start = startOfLine(lines, at)
    try {
      const { size } = await this.#answered(fileCalls.fstat(fd))
      await this.#answered(fileCalls.ftruncate(fd, Math.max(0, size - (at - start))))
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
    const asked = this.#reopens
    this.#reopens = false
    const old = this.#fd
    try {
      const fd = await this.#answered(fileCalls.open(path, ADDING))
      this.#use(fd, await this.#answered(fileCalls.fstat(fd, { bigint: true })))
    } catch (error) {
      if (old === undefined) throw error
      // Else it would be told with every look at the name.
      if (asked || !this.#kept) this.emit('kept', error)
      this.#kept = true
      return
    }
    if (old !== undefined) await this.#answered(fileCalls.close(old)).catch(() => {})
  }

  /** Whether the name leads to another file, or for more than a moment to none: whoever renamed it may be about to make the next one. */
  async #hasMoved(path: string): Promise<boolean> {
    const now = performance.now()
    if (now < this.#lookAt) return false
    this.#lookAt = now + LOOK_MS
    try {
      const { dev, ino } = await this.#answered(fileCalls.stat(path, { bigint: true }))
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
    this.#kept = false
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

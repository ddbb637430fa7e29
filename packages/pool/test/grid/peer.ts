import type { Socket } from 'node:net'
import type { Content } from './content.js'
import { endOf, nameOfError } from './end-of-stream.js'
import { Received } from './received.js'

/** How what a peer receives has ended; `gone`: it has closed or reset the connection itself. */
export type Ending = 'open' | 'fin' | 'reset' | 'gone' | (string & {})

const SLOW_STEPS = 20
const SLOW_GAP_MS = 15

/** One end of a session: says its content as far as it may, keeps all it hears, and misbehaves when it is told to. */
export class GridPeer {
  readonly socket: Socket
  readonly ended: Promise<Ending>
  ending: Ending = 'open'
  /** Bytes given to the socket, of the content of now. */
  sent = 0
  finSent = false
  readonly #tcp: Socket
  readonly #ports: { readonly local: number; readonly remote: number }
  #sends: Content | undefined
  #received = new Received()
  #onChange: () => void = () => {}
  #chunkBytes = 65_536
  #allowed = 0
  #held = Number.POSITIVE_INFINITY
  #finishAt = Number.POSITIVE_INFINITY
  #silentAt = Number.POSITIVE_INFINITY
  #writing = false
  #stalled = false
  /** Whether its end is being looked into. */
  #asking = false
  #slowWrites = 0
  #slowReads = 0
  readonly #timers = new Set<NodeJS.Timeout>()
  #settle: (ending: Ending) => void = () => {}

  /** @param tcp - The TCP socket under a TLS socket: the only one that can be reset. */
  constructor(socket: Socket, tcp: Socket = socket) {
    this.socket = socket
    this.#tcp = tcp
    this.#ports = { local: tcp.localPort ?? 0, remote: tcp.remotePort ?? 0 }
    socket.allowHalfOpen = true
    tcp.setNoDelay(true)
    this.ended = new Promise((resolve) => {
      this.#settle = (ending) => {
        if (this.ending !== 'open') return
        this.ending = ending
        resolve(ending)
        this.#onChange()
      }
    })
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => void this.#onEnd())
    socket.on('error', (error) => this.#onError(error))
    socket.on('close', () => this.#asking || this.#settle('closed'))
    if (tcp !== socket) tcp.on('error', (error) => this.#onError(error))
  }

  /** From now on it is one side of this session. */
  begin(sends: Content, expects: Content, chunkBytes: number, onChange: () => void): void {
    this.#sends = sends
    this.#received = new Received(expects)
    this.#chunkBytes = chunkBytes
    this.#onChange = onChange
    this.sent = 0
    this.#allowed = 0
    this.#silentAt = Number.POSITIVE_INFINITY
  }

  /** Whether all was said that it will say. */
  get saidAll(): boolean {
    return this.sent >= Math.min(this.#sends?.length ?? 0, this.#silentAt)
  }

  get receivedBytes(): number {
    return this.#received.bytes
  }

  /** Lines of the other side that came whole. */
  get linesHeard(): number {
    return this.#received.lines
  }

  /** What is wrong with what was received, as far as it came. */
  get faultOfReceived(): string | undefined {
    return this.#received.fault
  }

  /** May say so much of its content. */
  allow(bytes: number): void {
    this.#allowed = Math.max(this.#allowed, bytes)
    this.#pump()
  }

  /** Says no more than that until the hold is lifted, which `Infinity` does. */
  hold(bytes: number): void {
    this.#held = bytes
    this.#pump()
  }

  /** Says nothing more, but for a FIN when it is time. */
  silence(): void {
    this.#silentAt = this.sent
    this.#onChange()
  }

  /** Whether it waits for its hold to be lifted. */
  get atHold(): boolean {
    return this.sent >= this.#held
  }

  /** Whether the kernel has taken all that was said. */
  get isFlushed(): boolean {
    return !this.#writing
  }

  end(): void {
    if (this.finSent || this.ending === 'gone' || this.socket.destroyed) return
    this.finSent = true
    this.socket.end()
  }

  // ─── faults ───

  /** Sends FIN behind what it has said and what its hold lets it say, behind the line that it is in, or behind the half of the next. */
  finish(where: 'here' | 'line' | 'half a line'): void {
    const content = this.#sends as Content
    const mayBe = Math.min(this.#held, this.#allowed, content.length)
    this.#finishAt = where === 'here' ? Math.max(this.sent, mayBe) : content.breakBehind(this.sent, where)
    this.#pump()
  }

  reset(): void {
    this.#settle('gone')
    this.#tcp.resetAndDestroy()
    this.socket.destroy()
  }

  /** Closes the socket; with bytes of the other side unread in the kernel this is a reset. */
  close(unread: boolean): void {
    this.#settle('gone')
    this.finSent = !unread
    // TLS sends its own end first.
    if (this.#tcp !== this.socket && !unread) this.socket.end(() => this.destroy())
    else this.destroy()
  }

  /** Reads nothing, not even ahead: what comes stays in the kernel. */
  stopReading(): void {
    this.#handle.readStop()
  }

  readOn(): void {
    if (!this.socket.destroyed) this.#handle.readStart()
  }

  /** Neither reads nor writes. */
  stall(): void {
    this.#stalled = true
    this.socket.pause()
  }

  /** Reads again, to see how it all ended. */
  wake(): void {
    if (!this.#stalled) return
    this.#slowReads = 0
    this.socket.resume()
  }

  readSlowly(): void {
    this.#slowReads = SLOW_STEPS
  }

  writeSlowly(): void {
    this.#slowWrites = SLOW_STEPS
  }

  /** Closes what is left. */
  destroy(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#onChange = () => {}
    this.socket.destroy()
    this.#tcp.destroy()
  }

  #pump(): void {
    const content = this.#sends
    if (this.#writing || this.#stalled || this.finSent || this.socket.destroyed || content === undefined)
      return
    const limit = Math.min(this.#allowed, this.#held, this.#finishAt, this.#silentAt, content.length)
    if (this.sent >= limit) {
      if (this.sent >= this.#finishAt) this.end()
      return
    }
    const slow = this.#slowWrites > 0 && this.#slowWrites--
    const bytes = slow ? Math.max(1, Math.floor(this.#chunkBytes / 16)) : this.#chunkBytes
    const chunk = content.bytes.subarray(this.sent, Math.min(this.sent + bytes, limit))
    this.sent += chunk.length
    this.#writing = true
    this.socket.write(chunk, (error) => {
      if (!error && slow) this.#later(() => this.#written())
      else if (!error) this.#written()
    })
  }

  #written(): void {
    this.#writing = false
    this.#pump()
    this.#onChange()
  }

  #receive(chunk: Buffer): void {
    this.#received.add(chunk)
    if (this.#slowReads > 0) {
      this.#slowReads--
      this.socket.pause()
      this.#later(() => this.#stalled || this.socket.resume())
    }
    this.#onChange()
  }

  async #onEnd(): Promise<void> {
    this.#asking = true
    this.#settle(await endOf(this.socket, this.#tcp, this.#ports))
  }

  // What was read ahead while it was on hold is still there.
  #onError(error: Error): void {
    const { socket } = this
    this.#slowReads = 0
    socket.removeAllListeners('data')
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this.#receive(chunk)
    this.#settle(nameOfError(error))
  }

  // `pause()` still lets a socket read ahead, and what was read is not unread to the kernel.
  get #handle(): { readStop(): void; readStart(): void } {
    return Reflect.get(this.socket, '_handle')
  }

  #later(then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      then()
    }, SLOW_GAP_MS)
    this.#timers.add(timer)
  }
}

import type { Socket } from 'node:net'
import { endedByFin } from '../../../conformance/src/kernel.js'
import type { Content } from './content.js'

/** How what a peer receives has ended; `gone`: it has reset the connection itself. */
export type Ending = 'open' | 'fin' | 'reset' | 'gone' | (string & {})

const NOTHING = Buffer.alloc(0)
const SLOW_STEPS = 20
const SLOW_GAP_MS = 15

/** One end of a session: says its content as far as it may, keeps all it hears, and misbehaves when it is told to. */
export class GridPeer {
  readonly socket: Socket
  readonly ended: Promise<Ending>
  ending: Ending = 'open'
  /** Bytes given to the socket, and received, of the content of now. */
  sent = 0
  receivedBytes = 0
  finSent = false
  readonly #tcp: Socket
  readonly #ports: { readonly local: number; readonly remote: number }
  #sends: Content | undefined
  #expects: Content | undefined
  #chunks: Buffer[] = []
  #onChange: () => void = () => {}
  #chunkBytes = 65_536
  #allowed = 0
  #held = Number.POSITIVE_INFINITY
  #finishAt = Number.POSITIVE_INFINITY
  #writing = false
  /** Whether its end is being looked into. */
  #asking = false
  #stalled = false
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
    this.#expects = expects
    this.#chunkBytes = chunkBytes
    this.#onChange = onChange
    this.sent = 0
    this.receivedBytes = 0
    this.#chunks = []
    this.#allowed = 0
  }

  /** Whether all of its content was said. */
  get saidAll(): boolean {
    return this.sent === this.#sends?.length
  }

  /** Lines of the other side that came whole. */
  get linesHeard(): number {
    return this.#expects?.linesWithin(this.receivedBytes) ?? 0
  }

  /** What is wrong with what was received, as far as it came. */
  get faultOfReceived(): string | undefined {
    if (this.receivedBytes === 0) return undefined
    const received = Buffer.concat(this.#chunks)
    return this.#expects === undefined
      ? `${received.length} B came to nobody: ${received.toString('latin1', 0, 80)}`
      : this.#expects.faultOf(received)
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

  /** Sends FIN behind the line that it is in, or behind the half of the next. */
  finish(where: 'line' | 'half a line'): void {
    const content = this.#sends as Content
    const line = content.linesWithin(this.sent)
    const inside = this.sent > content.endOf(line)
    const end = content.endOf(inside ? line + 1 : line)
    const next = content.endOf(content.linesWithin(end) + 1)
    // Never the whole line: its last block is left out.
    this.#finishAt = where === 'line' ? end : Math.floor((end + next) / 2)
    this.#pump()
  }

  reset(): void {
    this.#settle('gone')
    this.#tcp.resetAndDestroy()
    this.socket.destroy()
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

  /** Closes what is left, whatever it is. */
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
    const limit = Math.min(this.#allowed, this.#held, this.#finishAt, content.length)
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
      if (error) return
      if (slow) this.#later(() => this.#written())
      else this.#written()
    })
  }

  #written(): void {
    this.#writing = false
    this.#pump()
    this.#onChange()
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.receivedBytes += chunk.length
    if (this.#slowReads > 0) {
      this.#slowReads--
      this.socket.pause()
      this.#later(() => this.#stalled || this.socket.resume())
    }
    this.#onChange()
  }

  // Node 20 and 22 show data and a reset in one poll as data and an end. The kernel knows: of a connection that was reset nothing is left.
  async #onEnd(): Promise<void> {
    const { socket } = this
    this.#asking = true
    if (socket === this.#tcp && !socket.writableEnded) {
      socket.write(NOTHING, (error) => this.#settle(error ? 'reset' : 'fin'))
    } else {
      this.#settle((await endedByFin(this.#ports)) ? 'fin' : 'reset')
    }
  }

  // What was read ahead while it was on hold is still there.
  #onError(error: Error): void {
    const { socket } = this
    this.#slowReads = 0
    socket.removeAllListeners('data')
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this.#receive(chunk)
    this.#settle(nameOf(error))
  }

  #later(then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      then()
    }, SLOW_GAP_MS)
    this.#timers.add(timer)
  }
}

function nameOf(error: Error): Ending {
  const code = 'code' in error ? String(error.code) : error.message
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : code
}

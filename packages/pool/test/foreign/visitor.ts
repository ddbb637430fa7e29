import { connect, type Socket } from 'node:net'
import { replyEnd } from './resp.js'

/** One client on a raw socket, which keeps all it receives. */
export class Visitor {
  readonly socket: Socket
  /** Will write no more. */
  saidAll = false
  /** Whether the other side has ended the session with a FIN, and nothing was missing of the last reply. */
  endedWell = false
  #replies = 0
  #parsed = 0
  #text = ''
  #chunks: string[] = []
  #length = 0
  /** Below this length nothing more can be whole. */
  #needed = 0
  readonly #patienceMs: number
  #wake: () => void = () => {}

  /** @param patienceMs - How long it waits for anything; 0: for ever. */
  constructor(port: number, patienceMs: number) {
    this.#patienceMs = patienceMs
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk) => {
      this.#chunks.push(chunk.toString('latin1'))
      this.#length += chunk.length
      if (this.#length >= this.#needed) this.#count()
      this.#wake()
    })
    this.socket.on('end', () => {
      this.endedWell = this.#parsed === this.received.length
      this.socket.end()
    })
    this.socket.on('close', () => this.#wake())
    this.socket.on('connect', () => this.#wake())
  }

  get received(): string {
    this.#text += this.#chunks.join('')
    this.#chunks = []
    return this.#text
  }

  /** Whole replies received. */
  get replies(): number {
    return this.#replies
  }

  get gone(): boolean {
    return this.socket.destroyed
  }

  connected(): Promise<void> {
    return this.until(() => !this.socket.connecting)
  }

  write(text: string): void {
    if (!this.gone && !this.socket.writableEnded) this.socket.write(text, 'latin1')
  }

  /** Resolves when it is so, the session is over, or patience is at an end. */
  async until(isSo: () => boolean): Promise<void> {
    let patient = true
    const lose = (): void => {
      patient = false
      this.#wake()
    }
    const timer = this.#patienceMs > 0 && !isSo() ? setTimeout(lose, this.#patienceMs) : undefined
    while (patient && !isSo() && !this.gone) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    clearTimeout(timer)
  }

  leave(how: 'fin' | 'close' | 'reset'): void {
    this.saidAll = true
    if (how === 'reset') reset(this.socket)
    else if (how === 'close') this.socket.destroy()
    else this.socket.end()
  }

  #count(): void {
    const { received } = this
    try {
      while (this.#parsed < received.length) {
        const end = replyEnd(received, this.#parsed)
        if (end < 0) {
          const large = /^\$(\d+)/.exec(received.slice(this.#parsed, this.#parsed + 12))
          this.#needed = this.#parsed + Number(large?.[1] ?? 0)
          return
        }
        this.#parsed = end
        this.#replies++
      }
    } catch {
      // No reply at all: a hostile server. Whose bytes they are is told at the end.
    }
  }
}

/** While its FIN is on the way a socket can't be reset any more: Node would never close it. */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

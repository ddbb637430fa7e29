import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { type Dialect, MOST_HEAD_BYTES } from './dialects.js'
import type { SoakSession } from './soak-session.js'

const NOTHING = Buffer.alloc(0)
// What is given to the kernel at once of an answer: each that it takes shows that the answer moves.
const PIECE_BYTES = 64 * 1024

/** What an upstream has of the sessions that it plays. */
export interface SoakBook {
  readonly dialect: Dialect
  sessionOf(number: number): SoakSession | undefined
  /** Calls back when so many other sessions are over. */
  afterOthers(count: number, then: () => void): void
  /** Bytes came that belong to no session that could have sent them here. */
  onStray(bytes: Buffer): void
}

/** The upstream of one relay: answers each request with what its session expects, and checks what comes up. */
export class SoakUpstream {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  /** @param keys - Has it speak TLS. */
  constructor(book: SoakBook, keys?: { readonly key: string; readonly cert: string }) {
    const options = { allowHalfOpen: true, noDelay: true }
    const accept = (socket: Socket): void => {
      new UpstreamConnection(socket, book)
    }
    this.#server =
      keys === undefined ? createServer(options, accept) : createTlsServer({ ...options, ...keys }, accept)
    // Of TLS, too, these are the TCP sockets: there are some whose handshake never comes to its end.
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Listens at this path, or on a free port. Returns how the command is told. */
  async listen(path?: string): Promise<string> {
    this.#server.listen(
      path === undefined ? { host: '127.0.0.1', port: 0, backlog: 4_096 } : { path, backlog: 4_096 },
    )
    await once(this.#server, 'listening')
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : `unix:${path}`
  }

  /** Ends what is left of it, if it listens. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

class UpstreamConnection {
  readonly #socket: Socket
  readonly #book: SoakBook
  #head: Buffer = NOTHING
  #session: SoakSession | undefined
  #served = 0
  #answering: SoakSession | undefined
  #waiting: SoakSession[] = []
  #sent = 0
  #blocked = false
  #ended = false
  #farewell: Buffer = NOTHING

  constructor(socket: Socket, book: SoakBook) {
    this.#socket = socket
    this.#book = book
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => {
      this.#blocked = false
      this.#answering?.moved()
      this.#answer()
    })
    socket.once('end', () => {
      this.#ended = true
      this.#endWhenQuiet()
    })
    socket.on('error', () => {})
    socket.once('close', () => {
      if (this.#head.length > 0) book.onStray(this.#head)
      for (const session of [this.#session, this.#answering, ...this.#waiting]) session?.upstreamOver()
    })
  }

  #receive(bytes: Buffer): void {
    for (let chunk = bytes; chunk.length > 0; ) {
      if (this.#session === undefined) {
        chunk = this.#serve(this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]))
        this.#head = NOTHING
        if (chunk.length === 0) return
      }
      const session = this.#session ?? this.#begin(chunk)
      if (session === undefined) return
      if (this.#head.length > 0) {
        chunk = this.#head
        this.#head = NOTHING
      }
      const before = session.received.up
      const taken = chunk.subarray(0, session.length.up - before)
      session.check('up', taken)
      chunk = chunk.subarray(taken.length)
      const { prompt } = session.plan
      if (before < prompt && session.received.up >= prompt) {
        if (session.plan.held) this.#hold(session)
        else this.#owe(session)
      }
      if (session.received.up < session.length.up) continue
      this.#session = undefined
      this.#letGo(session)
    }
  }

  // What is of no session; returns what is behind it.
  #serve(chunk: Buffer): Buffer {
    const { farewell, reset } = this.#book.dialect
    for (const service of [farewell, reset]) {
      if (service === undefined || !chunk.subarray(0, service.request.length).equals(service.request))
        continue
      if (service === reset) this.#socket.write(service.answer)
      else {
        this.#farewell = service.answer
        this.#ended = true
        this.#endWhenQuiet()
      }
      return this.#serve(chunk.subarray(service.request.length))
    }
    return chunk
  }

  // Whoever's request starts here, as soon as that is known.
  #begin(chunk: Buffer): SoakSession | undefined {
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
    const number = this.#book.dialect.sessionOf(this.#head)
    if (number === undefined && this.#head.length < MOST_HEAD_BYTES) return undefined
    const session = this.#book.sessionOf(number ?? 0)
    if (session === undefined || session.attached) {
      this.#socket.destroy()
      return undefined
    }
    session.attached = true
    session.reused = this.#served++ > 0
    this.#session = session
    return session
  }

  // Reads no more until the request is stuck, answers it, and reads on later.
  #hold(session: SoakSession): void {
    const socket = this.#socket
    socket.pause()
    session.whenStill(() => {
      if (socket.destroyed) return
      this.#owe(session)
      this.#book.afterOthers(session.plan.dwell, () => socket.destroyed || socket.resume())
    })
  }

  #owe(session: SoakSession): void {
    this.#waiting.push(session)
    this.#answer()
  }

  #answer(): void {
    while (!this.#blocked && !this.#socket.destroyed) {
      this.#answering ??= this.#waiting.shift()
      const session = this.#answering
      if (session === undefined) return
      const piece = session.answer.subarray(this.#sent, this.#sent + PIECE_BYTES)
      this.#sent += piece.length
      session.moved()
      const isLast = this.#sent >= session.length.down
      this.#blocked = !this.#socket.write(piece, (error) => {
        if (isLast && !error) session.setAnswered()
      })
      if (isLast) this.#finish(session)
    }
  }

  #finish(session: SoakSession): void {
    this.#sent = 0
    this.#answering = undefined
    this.#letGo(session)
    if (session.plan.upstreamFirst) this.#socket.end()
    else this.#endWhenQuiet()
  }

  #endWhenQuiet(): void {
    if (this.#ended && this.#answering === undefined && this.#waiting.length === 0)
      this.#socket.end(this.#farewell)
  }

  // Its request has come and its answer is given: nothing of it is left here.
  #letGo(session: SoakSession): void {
    const owed = this.#answering === session || this.#waiting.includes(session)
    if (this.#session !== session && !owed) session.upstreamOver()
  }
}

import { type AddressInfo, createServer, type Socket } from 'node:net'

/** A random number below `limit`; the same ones for the same seed. */
export type Random = (limit: number) => number

export function randomFrom(seed: number): Random {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** What names a session, in each piece of all bytes that are meant for it. */
export function mark(id: string, times: number): string {
  return `<${id}>`.repeat(times)
}

/**
 * An HTTP server that does all that breaks connections which are shared: it answers late, twice, too much, too early,
 * half, in pieces, and closes at any time. What it sends in answer to `/<id>` is full of that id.
 *
 * Only two things it does not do, for nobody can tell: to send a whole answer too many when the next request is on its way
 * already (so it is mute after it has answered twice), and to write into the middle of an answer, or behind one that ends
 * with the connection.
 */
export class HostileServer {
  readonly port: number
  accepted = 0
  /** How often it did what. */
  readonly deeds: Record<string, number> = {}
  readonly #server: ReturnType<typeof createServer>
  readonly #sockets = new Set<Socket>()

  private constructor(server: ReturnType<typeof createServer>, random: Random) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket) => {
      this.accepted++
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
      new HostileConnection(socket, random, (deed) => {
        this.deeds[deed] = (this.deeds[deed] ?? 0) + 1
      })
    })
  }

  static async start(random: Random): Promise<HostileServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new HostileServer(server, random)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

const kinds = [
  'by length',
  'in chunks',
  'without a body',
  'after interim answers',
  'that closes',
  'until the end',
] as const

const UNTIL_THE_END = 'X-Ends: with the connection\r\n'

class HostileConnection {
  readonly #socket: Socket
  readonly #random: Random
  readonly #note: (deed: string) => void
  #buffered = ''
  #bodyLeft = 0
  #lastId = ''
  #early = false
  #mute = false
  #sending = Promise.resolve()

  constructor(socket: Socket, random: Random, note: (deed: string) => void) {
    this.#socket = socket
    this.#random = random
    this.#note = note
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('end', () => void this.#sending.then(() => socket.end()))
  }

  #read(text: string): void {
    this.#buffered += text
    for (;;) {
      const skipped = Math.min(this.#bodyLeft, this.#buffered.length)
      this.#buffered = this.#buffered.slice(skipped)
      this.#bodyLeft -= skipped
      if (skipped > 0 && this.#bodyLeft === 0 && !this.#early) this.#send(this.#lastId)
      const end = this.#buffered.indexOf('\r\n\r\n')
      if (this.#bodyLeft > 0 || end < 0) return
      const head = this.#buffered.slice(0, end)
      this.#buffered = this.#buffered.slice(end + 4)
      this.#lastId = /\/(\S+)/.exec(head)?.[1] ?? ''
      this.#bodyLeft = Number(/length: (\d+)/i.exec(head)?.[1] ?? 0)
      this.#early = this.#bodyLeft > this.#buffered.length && this.#random(4) === 0
      if (this.#early) this.#note('early')
      if (this.#early || this.#bodyLeft === 0) this.#send(this.#lastId)
    }
  }

  /** One answer after the other. */
  #send(id: string): void {
    this.#sending = this.#sending.then(() => (this.#mute ? undefined : this.#answer(id)))
  }

  async #answer(id: string): Promise<void> {
    const random = this.#random
    const socket = this.#socket
    const bytes = this.#bytes(id)
    const deed = random(16)
    if (deed === 0) {
      this.#note('twice at once')
      this.#mute = true
      socket.write(bytes + bytes)
    } else if (deed === 1) {
      this.#note('twice')
      this.#mute = true
      socket.write(bytes)
      await new Promise(setImmediate)
      socket.write(bytes)
    } else if (deed === 2) {
      this.#note('surplus at once')
      socket.write(bytes + mark(id, 1 + random(3)))
    } else if (deed === 3) {
      this.#note('surplus later')
      socket.write(bytes)
      setTimeout(() => {
        this.#sending = this.#sending.then(() => void socket.write(mark(id, 1)))
      }, random(6))
    } else if (deed === 4) {
      this.#note('half')
      socket.write(bytes.slice(0, random(bytes.length)))
      if (random(2) === 0) socket.resetAndDestroy()
      else socket.end()
    } else if (deed === 5) {
      this.#note('closed behind it')
      socket.end(bytes)
    } else if (deed < 9) {
      this.#note('late')
      await new Promise((resolve) => setTimeout(resolve, random(6)))
      socket.write(bytes)
    } else if (deed < 11) {
      this.#note('in pieces')
      for (let at = 0; at < bytes.length; ) {
        const to = at + 1 + random(40)
        socket.write(bytes.slice(at, to))
        at = to
        await new Promise(setImmediate)
      }
    } else {
      this.#note('well')
      socket.write(bytes)
    }
    if (bytes.includes(UNTIL_THE_END)) socket.end()
  }

  #bytes(id: string): string {
    const kind = kinds[this.#random(24)] ?? 'by length'
    this.#note(kind)
    const body = mark(id, 1 + this.#random(20))
    const field = `X-Session: ${mark(id, 1)}`
    const counted = `HTTP/1.1 200 OK\r\n${field}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    if (kind === 'in chunks') {
      return `HTTP/1.1 200 OK\r\n${field}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    }
    if (kind === 'without a body') return `HTTP/1.1 204 No Content\r\n${field}\r\n\r\n`
    if (kind === 'after interim answers') {
      return `${`HTTP/1.1 103 Early Hints\r\n${field}\r\n\r\n`.repeat(1 + this.#random(20))}${counted}`
    }
    if (kind === 'that closes') return counted.replace('\r\n', '\r\nConnection: close\r\n')
    return kind === 'until the end' ? `HTTP/1.1 200 OK\r\n${UNTIL_THE_END}${field}\r\n\r\n${body}` : counted
  }
}

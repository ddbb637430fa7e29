import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Transport } from './address.js'
import { CaseFailure } from './case.js'
import { Content } from './content.js'
import { endingOf } from './ending.js'
import { HELLO_BYTES, idOf } from './hello.js'
import { kernelTells, type Ports, unacknowledged } from './kernel.js'
import { settled } from './settled.js'

/** How a stream ended, as its reader saw it; `open` when it has not. */
export type Ending = 'FIN' | 'reset' | 'open' | (string & {})

const CHUNK = 65_521
const POLL_MS = 10

export interface PeerOptions {
  readonly transport?: Transport
  /** The TCP socket below a TLS socket, which alone can be reset. */
  readonly tcp?: Socket
  /** The peer is a server: its client's hello came. */
  readonly onHello?: (id: string) => void
}

/** One end of a session: the client of the relay under test, or its upstream. It checks each byte that it gets. */
export class Peer {
  readonly socket: Socket
  readonly transport: Transport
  /** Resolves with how the incoming stream has ended. */
  readonly ended: Promise<Ending>
  /** Resolves with why nothing can be sent any more. */
  readonly stopped: Promise<Ending>
  /** Bytes received, and whether all of them are what the other side sent. */
  bytes = 0
  intact = true
  /** Bytes handed to the kernel so far, as it confirmed. */
  taken = 0
  ending: Ending = 'open'
  #sends: Content | undefined
  #expects: Content | undefined
  #sent = 0
  #hello: Buffer | undefined
  #pumping = false
  #ports: Ports | undefined
  readonly #tcp: Socket
  readonly #onHello: (id: string) => void
  #settle: (ending: Ending) => void = () => {}
  #waiters: { readonly bytes: number; resolve(): void }[] = []

  constructor(socket: Socket, { transport = 'tcp', tcp = socket, onHello }: PeerOptions = {}) {
    this.socket = socket
    this.transport = transport
    this.#tcp = tcp
    this.#hello = onHello && Buffer.alloc(0)
    this.#onHello = onHello ?? (() => {})
    tcp.setNoDelay(true)
    if (socket.connecting) socket.once('connect', () => this.#notePorts())
    else this.#notePorts()
    this.ended = new Promise((resolve) => {
      this.#settle = (ending) => {
        if (this.ending !== 'open') return
        this.ending = ending
        resolve(ending)
      }
    })
    this.stopped = new Promise((resolve) => {
      socket.on('error', (error) => resolve(nameOf(error)))
      socket.on('close', () => resolve('closed'))
    })
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => this.#settle(endingOf(this.#tcp)))
    socket.on('error', (error) => this.#onError(error))
    socket.on('close', () => this.#settle('closed by ourselves'))
  }

  /** It is one side of this session: what it sends and expects is known now. */
  play(id: string, side: 'client' | 'server'): void {
    this.#sends = new Content(`${id} ${side}`)
    this.#expects = new Content(`${id} ${side === 'client' ? 'server' : 'client'}`)
  }

  /** Whether the other end is on this machine: what the kernel takes is there at once. */
  get onLoopback(): boolean {
    const { localAddress, remoteAddress } = this.#tcp
    return this.transport === 'unix' || (localAddress !== undefined && localAddress === remoteAddress)
  }

  /** Bytes given to {@link Peer.send}. */
  get sent(): number {
    return this.#sent
  }

  // ─── sending ───

  /** Sends the next bytes of its content. */
  send(bytes: number): void {
    for (let left = bytes; left > 0; left -= Math.min(left, CHUNK)) this.#write(Math.min(left, CHUNK))
  }

  /** Sends as fast as the kernel takes, up to so many bytes in all; one turn of the loop for each chunk, or nothing else would run. */
  pump(bytes: number): void {
    this.#pumping = true
    const next = (): void => {
      if (!this.#pumping || this.#sent >= bytes || this.socket.destroyed) return
      this.#write(Math.min(CHUNK, bytes - this.#sent), () => void setImmediate(next))
    }
    next()
  }

  /** Sends so many bytes in pieces, each in a turn of the loop of its own. */
  async trickle(bytes: number, piece: number): Promise<void> {
    for (let left = bytes; left > 0 && !this.socket.destroyed; left -= piece) {
      this.#write(Math.min(piece, left))
      await nextTurn()
    }
  }

  /** Waits until the kernel has taken nothing more for `quietMs`, or everything. */
  async stalled(quietMs: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    let last = -1
    let since = performance.now()
    while (performance.now() < deadline && performance.now() - since < quietMs) {
      if (this.taken !== last) {
        last = this.taken
        since = performance.now()
      }
      await sleep(POLL_MS)
    }
    this.#pumping = false
  }

  /** Bytes that the other end's kernel has acknowledged, at least. */
  async acknowledged(): Promise<number> {
    // A unix socket's writes go straight into the reader's queue.
    if (this.transport === 'unix') return this.#sent - this.socket.writableLength
    if (this.#ports === undefined) return 0
    // Taken before the kernel is asked: what it takes meanwhile makes the answer too small, never too large.
    const taken = this.#sent - this.socket.writableLength
    return Math.max(0, taken - (await unacknowledged(this.#ports)))
  }

  /** Waits until the other end's kernel has acknowledged everything that was sent. */
  async delivered(timeoutMs = 5_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    for (let taken = await this.acknowledged(); taken < this.#sent; taken = await this.acknowledged()) {
      if (this.socket.destroyed)
        throw new CaseFailure('the relay broke off before it had taken what was sent')
      if (performance.now() > deadline) {
        throw new CaseFailure(`the relay took ${taken} of ${this.#sent} B in ${timeoutMs} ms`)
      }
      await sleep(POLL_MS)
    }
    if (!kernelTells) await sleep(250)
  }

  /** Waits until our own kernel has taken everything that was sent. */
  async flushed(): Promise<void> {
    while (this.socket.writableLength > 0 && !this.socket.destroyed) await nextTurn()
  }

  /** Sends FIN behind everything sent. */
  finish(): void {
    this.#pumping = false
    this.socket.end()
  }

  /** Resets. A unix socket can only be closed: a session that was made with `resets` has left bytes unread then. */
  reset(): void {
    this.#pumping = false
    if (this.transport !== 'unix') this.#tcp.resetAndDestroy()
    this.socket.destroy()
  }

  /** Closes the socket as a program does that exits: FIN, or a reset if bytes are unread. What the kernel has not taken is lost. */
  close(): void {
    this.#pumping = false
    this.socket.destroy()
  }

  // ─── receiving ───

  /** Reads no more, but for what Node has asked for already (64 KiB). */
  hold(): void {
    this.socket.pause()
  }

  read(): void {
    this.socket.resume()
  }

  /** Waits until so many bytes have come; fails when they do not. */
  async arrived(bytes: number, timeoutMs = 3_000): Promise<void> {
    if (this.bytes >= bytes) return
    const there = new Promise<void>((resolve) => this.#waiters.push({ bytes, resolve }))
    if (await settled(there, timeoutMs)) return
    throw new CaseFailure(`${this.bytes} of ${bytes} B arrived within ${timeoutMs} ms, then ${this.ending}`)
  }

  /** How the incoming stream has ended, at most so much later. */
  async endsWithin(timeoutMs: number): Promise<Ending> {
    await settled(this.ended, timeoutMs)
    return this.ending
  }

  #notePorts(): void {
    const { localPort = 0, remotePort = 0 } = this.#tcp
    this.#ports = { local: localPort, remote: remotePort }
  }

  #write(bytes: number, done: () => void = () => {}): void {
    const chunk = (this.#sends as Content).at(this.#sent, bytes)
    this.#sent += chunk.length
    this.socket.write(chunk, (error) => {
      if (error) return
      this.taken += chunk.length
      done()
    })
  }

  #receive(chunk: Buffer): void {
    let rest = chunk
    if (this.#hello !== undefined) {
      this.#hello = Buffer.concat([this.#hello, chunk])
      if (this.#hello.length < HELLO_BYTES) return
      rest = this.#hello.subarray(HELLO_BYTES)
      const id = idOf(this.#hello.subarray(0, HELLO_BYTES))
      this.#hello = undefined
      this.intact = id !== undefined
      if (id !== undefined) {
        this.play(id, 'server')
        this.#onHello(id)
      }
    }
    if (rest.length === 0) return
    if (this.#expects?.matches(this.bytes, rest) !== true) this.intact = false
    this.bytes += rest.length
    this.#waiters = this.#waiters.filter(({ bytes, resolve }) => this.bytes < bytes || resolve())
  }

  // What was read ahead while on hold is still there.
  #onError(error: Error): void {
    const { socket } = this
    socket.removeAllListeners('data')
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this.#receive(chunk)
    this.#settle(nameOf(error))
  }
}

function nameOf(error: Error): Ending {
  const code = 'code' in error ? String(error.code) : error.message
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : code
}

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { certificate } from '../../../core/test/support/certificate.js'
import type { Keeper } from './keeper.js'
import { GridPeer } from './peer.js'

/** What it does with the connections that it accepts: serves them, or what a fault of the connecting phase says. */
export type Welcome = 'serve' | 'fin' | 'reset' | 'withhold' | 'slow-handshake'

export type Keys = ReturnType<typeof certificate>
let keys: Keys | undefined
let context: SecureContext | undefined

export function tlsKeys(): Keys {
  keys ??= certificate()
  return keys
}

/** The upstream server, played by the test; a connection of it is known by the relay's port. */
export class UpstreamRig {
  port = 0
  welcome: Welcome = 'serve'
  /** Called for each connection, as soon as it can be spoken on. */
  onPeer: (peer: GridPeer) => void = () => {}
  accepted = 0
  readonly #tls: boolean
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #peers = new Map<number, GridPeer>()
  readonly #waiting = new Map<number, (peer: GridPeer) => void>()
  #withheld: (() => void)[] = []
  #takeBack: (() => Promise<unknown>) | undefined
  #fillers: Socket[] = []
  readonly #fillerPorts = new Set<number | undefined>()

  constructor(tls: boolean) {
    this.#tls = tls
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    )
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
  }

  /** Has an address where nobody listens. */
  async refuse(): Promise<void> {
    await this.listen()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /**
   * Listens, and accepts nobody until `release()`. `full`: not even the kernel answers; when released it does as soon as the other
   * side's kernel asks again, which is a second after the first time.
   */
  async listenHeld(keeper: Keeper, full: boolean): Promise<void> {
    const kept = await keeper.keep(full ? 1 : 8)
    this.port = kept.port
    this.#takeBack = kept.back
    if (!full) return
    this.#fillers = [1, 2].map(() => connect(kept.port, '127.0.0.1').on('error', () => {}))
    await Promise.all(this.#fillers.map((filler) => once(filler, 'connect')))
    for (const { localPort } of this.#fillers) this.#fillerPorts.add(localPort)
  }

  async release(): Promise<void> {
    const takeBack = this.#takeBack
    this.#takeBack = undefined
    if (takeBack !== undefined) {
      for (const filler of this.#fillers) filler.destroy()
      this.#server.listen(await takeBack())
      await once(this.#server, 'listening')
    }
    this.welcome = 'serve'
    for (const serve of this.#withheld.splice(0)) serve()
  }

  /** Connections whose handshake is withheld. */
  get withheld(): number {
    return this.#withheld.length
  }

  /** Calls back with the upstream's end of the connection from that port, now or when it is accepted. */
  whenAccepted(port: number, then: (peer: GridPeer) => void): void {
    const peer = this.#peers.get(port)
    if (peer !== undefined) then(peer)
    else this.#waiting.set(port, then)
  }

  /** The one accepted last. */
  get lastPeer(): GridPeer | undefined {
    return [...this.#peers.values()].at(-1)
  }

  async close(): Promise<void> {
    await this.release()
    for (const peer of this.#peers.values()) peer.destroy()
    for (const socket of this.#sockets) socket.destroy()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(tcp: Socket): void {
    this.#sockets.add(tcp)
    tcp.on('close', () => this.#sockets.delete(tcp))
    tcp.on('error', () => {})
    if (this.#fillerPorts.has(tcp.remotePort)) return void tcp.destroy()
    this.accepted++
    const { welcome } = this
    if (welcome === 'reset') return void tcp.resetAndDestroy()
    if (this.#tls && welcome === 'fin') return void tcp.end().resume()
    if (this.#tls && welcome === 'withhold') this.#withheld.push(() => this.#serve(tcp, tcp))
    else this.#serve(tcp, this.#tls && welcome === 'slow-handshake' ? slowWriter(tcp) : tcp)
    if (welcome === 'fin') this.#peers.get(tcp.remotePort as number)?.end()
  }

  #serve(tcp: Socket, wire: Duplex): void {
    const socket = this.#tls ? secured(wire) : tcp
    const peer = new GridPeer(socket, tcp)
    if (!this.#tls) tcp.resume()
    const port = tcp.remotePort as number
    this.#peers.set(port, peer)
    this.#waiting.get(port)?.(peer)
    this.#waiting.delete(port)
    this.onPeer(peer)
  }
}

function secured(wire: Duplex): TLSSocket {
  context ??= createSecureContext(tlsKeys())
  return new TLSSocket(wire as Socket, { isServer: true, secureContext: context })
}

/** A socket whose first bytes go out in small pieces: a handshake that takes its time. */
function slowWriter(tcp: Socket): Duplex {
  let slow = 12
  const wire = new Duplex({
    allowHalfOpen: true,
    read: () => void tcp.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      const next = (at: number): void => {
        const end = slow-- > 0 ? at + 100 : chunk.length
        if (end >= chunk.length) return void tcp.write(chunk.subarray(at), done)
        tcp.write(chunk.subarray(at, end))
        setTimeout(next, 15, end)
      }
      next(0)
    },
    final: (done) => void tcp.end(done),
    destroy: (error, done) => {
      tcp.destroy()
      done(error)
    },
  })
  tcp.on('data', (chunk) => wire.push(chunk) || tcp.pause())
  tcp.on('end', () => wire.push(null))
  tcp.on('close', () => wire.destroy())
  return wire
}

import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import type { Address } from '@relay/core'
import { certificate } from '../../../core/test/support/certificate.js'
import { type Carrier, isUnix } from './cells.js'
import { DialOrder } from './dial-order.js'
import type { Keeper } from './keeper.js'
import { GridPeer } from './peer.js'
import type { LeaseRecord } from './record.js'
import { slowWriter } from './slow-writer.js'
import { SocketFolder } from './socket-folder.js'

/** What it does with the connections that it accepts: serves them, or what a fault of the connecting phase says. */
export type Welcome = 'serve' | 'fin' | 'reset' | 'close' | 'withhold' | 'slow-handshake'

export type Keys = ReturnType<typeof certificate>
let keys: Keys | undefined
let context: SecureContext | undefined

export function tlsKeys(): Keys {
  keys ??= certificate()
  return keys
}

/** The upstream server, played by the test. A connection of it is known by the relay's port; on a unix socket, by when it was dialed. */
export class UpstreamRig {
  address: Address = { host: '127.0.0.1', port: 0 }
  welcome: Welcome = 'serve'
  /** Called for each connection, as soon as it can be spoken on. */
  onPeer: (peer: GridPeer) => void = () => {}
  readonly dials = new DialOrder()
  readonly #tls: boolean
  readonly #folder: SocketFolder | undefined
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #peers = new Map<number, GridPeer>()
  readonly #waiting = new Map<number, (peer: GridPeer) => void>()
  #withheld: (() => void)[] = []
  #takeBack: (() => Promise<object>) | undefined
  #accepted = 0
  #fillers: Socket[] = []
  readonly #fillerPorts = new Set<number | undefined>()

  constructor(carrier: Carrier) {
    this.#tls = carrier === 'tls'
    if (isUnix(carrier, 'upstream')) {
      this.#folder = new SocketFolder()
      this.address = { path: this.#folder.path }
      this.dials.start()
    }
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    )
  }

  async listen(): Promise<void> {
    this.#server.listen(this.address)
    await once(this.#server, 'listening')
    if (this.#folder === undefined) {
      this.address = { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
    }
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
    const kept = await keeper.keep(this.address, full ? 1 : 8)
    this.address = kept.address
    this.#takeBack = kept.back
    if (!full) return
    this.#fillers = [1, 2].map(() => connect({ ...kept.address, allowHalfOpen: true }).on('error', () => {}))
    await Promise.all(this.#fillers.map((filler) => once(filler, 'connect')))
    for (const { localPort } of this.#fillers) this.#fillerPorts.add(localPort)
  }

  async release(): Promise<void> {
    const takeBack = this.#takeBack
    this.#takeBack = undefined
    if (takeBack !== undefined) {
      for (const filler of this.#fillers) filler.destroy()
      const handle = await takeBack()
      if (this.#folder !== undefined) {
        // Node takes only TCP handles back.
        Reflect.get(handle, 'close').call(handle)
        rmSync(this.#folder.path)
        this.dials.forget()
      }
      this.#server.listen(this.#folder === undefined ? handle : this.address)
      await once(this.#server, 'listening')
    }
    this.welcome = 'serve'
    for (const serve of this.#withheld.splice(0)) serve()
  }

  /** Connections whose handshake is withheld. */
  get withheld(): number {
    return this.#withheld.length
  }

  /** Calls back with the upstream's end of a leased connection, now or when it is accepted. */
  whenAccepted({ port, socket }: LeaseRecord, then: (peer: GridPeer) => void): void {
    const key = port ?? this.dials.numberOf(socket)
    const peer = this.#peers.get(key)
    if (peer !== undefined) then(peer)
    else this.#waiting.set(key, then)
  }

  /** The one accepted last. */
  get lastPeer(): GridPeer | undefined {
    return [...this.#peers.values()].at(-1)
  }

  async close(): Promise<void> {
    await this.release()
    for (const peer of this.#peers.values()) peer.destroy()
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) {
      this.#server.close()
      await once(this.#server, 'close')
    }
    this.dials.stop()
    this.#folder?.remove()
  }

  #accept(tcp: Socket): void {
    this.#sockets.add(tcp)
    tcp.on('close', () => this.#sockets.delete(tcp))
    tcp.on('error', () => {})
    if (this.#fillerPorts.has(tcp.remotePort)) return void tcp.destroy()
    const key = tcp.remotePort ?? this.#accepted++
    const { welcome } = this
    if (welcome === 'reset') return void tcp.resetAndDestroy()
    if (this.#tls && welcome === 'fin') return void tcp.end().resume()
    if (this.#tls && welcome === 'close') return void tcp.destroy()
    if (this.#tls && welcome === 'withhold') this.#withheld.push(() => this.#serve(key, tcp, tcp))
    else this.#serve(key, tcp, this.#tls && welcome === 'slow-handshake' ? slowWriter(tcp) : tcp)
    if (welcome === 'fin') this.#peers.get(key)?.end()
    if (welcome === 'close') this.#peers.get(key)?.close(false)
  }

  #serve(key: number, tcp: Socket, wire: Duplex): void {
    const socket = this.#tls ? secured(wire) : tcp
    const peer = new GridPeer(socket, tcp)
    if (!this.#tls) tcp.resume()
    this.#peers.set(key, peer)
    this.#waiting.get(key)?.(peer)
    this.#waiting.delete(key)
    this.onPeer(peer)
  }
}

function secured(wire: Duplex): TLSSocket {
  context ??= createSecureContext(tlsKeys())
  return new TLSSocket(wire as Socket, { isServer: true, secureContext: context })
}

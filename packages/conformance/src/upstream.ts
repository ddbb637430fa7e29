import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import type { Address } from './address.js'
import { Peer } from './peer.js'

export interface Expectation {
  /** It reads nothing after the hello. */
  readonly late: boolean
  arrived(peer: Peer): void
}

/** A key and its certificate, in PEM. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** The suite as the server that the relay connects to. Whose connection it has, the hello tells. */
export class Upstream {
  readonly #address: Address
  readonly #secureContext: SecureContext | undefined
  readonly #expected = new Map<string, Expectation>()
  /** Connections that have not said who they are; prewarmed ones, mostly. */
  readonly #strays = new Set<Peer>()
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #onStrayEnd: ((peer: Peer) => void) | undefined

  /** @param certificate - Needed for an address of TLS. */
  constructor(address: Address, certificate?: Certificate) {
    this.#address = address
    this.#secureContext = certificate && createSecureContext({ ...certificate })
  }

  async listen(): Promise<void> {
    // Whoever is put on hold stops reading with the first bytes that come.
    const server = createServer({ allowHalfOpen: true, highWaterMark: 1 }, (socket) => this.#accept(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ ...this.#address, backlog: 1_024 }, resolve)
    })
    this.#server = server
  }

  /** Stops listening; whoever is still connected is cut off. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  expect(id: string, expectation: Expectation): void {
    this.#expected.set(id, expectation)
  }

  /** Resolves with the next connection that sends FIN without having said a word. */
  nextEmpty(): Promise<Peer> {
    return new Promise((resolve) => {
      this.#onStrayEnd = (peer) => {
        this.#onStrayEnd = undefined
        resolve(peer)
      }
    })
  }

  #accept(tcp: Socket): void {
    const { transport } = this.#address
    const secureContext = this.#secureContext
    const tls = transport === 'tls' && secureContext !== undefined
    const socket = tls ? new TLSSocket(tcp, { isServer: true, secureContext }) : tcp
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    const onHello = (id: string): void => {
      this.#strays.delete(peer)
      const expectation = this.#expected.get(id)
      this.#expected.delete(id)
      if (expectation?.late) peer.hold()
      expectation?.arrived(peer)
    }
    const peer = new Peer(socket, { transport, tcp, onHello })
    this.#strays.add(peer)
    void peer.ended.then(() => {
      if (!this.#strays.delete(peer)) return
      if (this.#onStrayEnd !== undefined && peer.ending === 'FIN') this.#onStrayEnd(peer)
      else socket.destroy()
    })
  }
}

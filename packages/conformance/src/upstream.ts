import { createServer, type Server, type Socket } from 'node:net'
import type { Address } from './address.js'
import { Peer } from './peer.js'

export interface Expectation {
  /** It reads nothing after the hello. */
  readonly late: boolean
  arrived(peer: Peer): void
}

/** The suite as the server that the relay connects to. Whose connection it has, the hello tells. */
export class Upstream {
  readonly #address: Address
  readonly #expected = new Map<string, Expectation>()
  /** Connections that have not said who they are; prewarmed ones, mostly. */
  readonly #strays = new Set<Peer>()
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #onStrayEnd: ((peer: Peer) => void) | undefined

  constructor(address: Address) {
    this.#address = address
  }

  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket))
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

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    const peer = new Peer(socket, (id) => {
      this.#strays.delete(peer)
      const expectation = this.#expected.get(id)
      this.#expected.delete(id)
      if (expectation?.late) peer.hold()
      expectation?.arrived(peer)
    })
    this.#strays.add(peer)
    void peer.ended.then(() => {
      if (!this.#strays.delete(peer)) return
      if (this.#onStrayEnd !== undefined && peer.ending === 'FIN') this.#onStrayEnd(peer)
      else socket.destroy()
    })
  }
}

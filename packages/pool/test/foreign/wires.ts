import type { Socket } from 'node:net'
import type { Connector } from '@relay/core'
import { ConnectionLease, dial } from '@relay/core/connector'
import type { Dial } from '../../src/index.js'

/** A client, as far as it matters for what is under way. */
export interface Speaker {
  readonly socket: Socket
  /** Will write no more. */
  readonly saidAll: boolean
}

interface Lessee {
  readonly clientPort: number
  readonly writtenBefore: number
}

/**
 * Both ends of each upstream connection and its user of the moment: what only a test in one process can know.
 *
 * An unasked byte can be told from an answer only while no request is on its way to meet it. Once the next session's request has left
 * the relay, nobody can tell: a server in a test has to know that too, or it asks for the impossible.
 */
export class Wires {
  readonly #relaySides = new Map<number, Socket>()
  readonly #lessees = new WeakMap<Socket, Lessee>()
  readonly #speakers = new Map<number, Speaker>()

  /** Dials as the pool does by itself, and keeps what it dialed in view. */
  dial(port: number): Dial {
    return async ({ signal }) => {
      const connection = await dial({ address: { host: '127.0.0.1', port }, connectTimeoutMs: 5_000 }, signal)
      const socket = connection.socket as Socket
      const { localPort = 0 } = socket
      this.#relaySides.set(localPort, socket)
      socket.once('close', () => this.#relaySides.delete(localPort))
      return socket
    }
  }

  /** The same connector, whose leases are noted. */
  watch(connector: Connector): Connector {
    return {
      connect: async (context) => {
        const lease = await connector.connect(context)
        const { client } = context.client
        if (lease instanceof ConnectionLease && 'port' in client) {
          const socket = lease.connection.socket as Socket
          const { bytesWritten } = socket
          this.#lessees.set(socket, { clientPort: client.port, writtenBefore: bytesWritten })
        }
        return lease
      },
      close: () => connector.close(),
      stats: () => connector.stats(),
    }
  }

  /** Kept after it has left: what it wrote before may still be on its way. */
  register(speaker: Speaker): void {
    this.#speakers.set(speaker.socket.localPort ?? 0, speaker)
  }

  /** Nothing is on its way to the server, neither in the relay nor from the client that has this connection. */
  quiet(serverSide: Socket): boolean {
    const relaySide = this.#relaySides.get(serverSide.remotePort ?? 0)
    if (relaySide === undefined || relaySide.bytesWritten !== serverSide.bytesRead) return false
    const lessee = this.#lessees.get(relaySide)
    const speaker = this.#speakers.get(lessee?.clientPort ?? 0)
    return (
      speaker === undefined ||
      speaker.socket.bytesWritten <= serverSide.bytesRead - (lessee?.writtenBefore ?? 0)
    )
  }

  /** It is quiet and stays so, until the session is over. */
  finished(serverSide: Socket): boolean {
    const relaySide = this.#relaySides.get(serverSide.remotePort ?? 0)
    const lessee = relaySide && this.#lessees.get(relaySide)
    const speaker = this.#speakers.get(lessee?.clientPort ?? 0)
    return (speaker === undefined || speaker.saidAll) && this.quiet(serverSide)
  }

  /** The relay has read all that the server has sent. */
  read(serverSide: Socket): boolean {
    const relaySide = this.#relaySides.get(serverSide.remotePort ?? 0)
    return relaySide === undefined || relaySide.bytesRead === serverSide.bytesWritten
  }
}

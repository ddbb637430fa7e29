import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Address } from './address.js'
import type { Ending } from './peer.js'

/** A connection as the held upstream has seen it. */
export interface HeldConnection {
  /** Who it was; `undefined` when it never said. */
  readonly id: string | undefined
  readonly bytes: number
  readonly intact: boolean
  readonly ending: Ending
  readonly afterMs: number
}

const WORKER = new URL('../dist/held-upstream-worker.js', import.meta.url)
const FILLERS = 4

/**
 * A server that accepts nobody yet, so that a dial hangs: a thread that listens with the shortest queue, then sleeps. We fill the
 * queue; Linux then drops what comes, and the relay's kernel asks again after a second. A unix socket says that its queue is full: `connect`
 * waits, or is told to try again.
 */
export class HeldUpstream {
  readonly ended: HeldConnection[] = []
  readonly #worker: Worker
  readonly #gate = new Int32Array(new SharedArrayBuffer(4))
  readonly #address: Address
  readonly #fillers: Socket[] = []
  #onEnded: () => void = () => {}

  constructor(address: Address) {
    this.#address = address
    this.#worker = new Worker(WORKER, { workerData: { address, gate: this.#gate }, execArgv: [] })
  }

  async listening(): Promise<void> {
    await once(this.#worker, 'message')
    this.#worker.on('message', (connection: HeldConnection) => {
      this.ended.push(connection)
      this.#onEnded()
    })
    for (let n = 0; n < FILLERS; n += 1) {
      const socket = connect(this.#address)
      socket.on('error', () => {})
      this.#fillers.push(socket)
    }
    await sleep(100)
  }

  /** From now on it accepts, and answers each client's FIN with {@link ANSWER_BYTES} and its own. */
  release(): void {
    for (const socket of this.#fillers) socket.destroy()
    Atomics.store(this.#gate, 0, 1)
    Atomics.notify(this.#gate, 0)
  }

  /** Resolves with the ended connection of a session. */
  connectionOf(id: string): Promise<HeldConnection> {
    return new Promise((resolve) => {
      this.#onEnded = () => {
        const found = this.ended.find((connection) => connection.id === id)
        if (found !== undefined) resolve(found)
      }
      this.#onEnded()
    })
  }

  async close(): Promise<void> {
    this.release()
    await this.#worker.terminate()
  }
}

export const ANSWER_BYTES: number = 64 * 1024

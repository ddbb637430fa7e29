import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Duplex } from 'node:stream'

const CHANNEL = 'net.client.socket'

/** In which order the relay dials, which is the order in which a unix listener accepts: nothing else tells which connection is which. */
export class DialOrder {
  #dialed: Duplex[] = []
  #isOurs = false
  readonly #onDial = (message: unknown): void => {
    if (!this.#isOurs) this.#dialed.push((message as { socket: Duplex }).socket)
  }

  start(): void {
    subscribe(CHANNEL, this.#onDial)
  }

  stop(): void {
    unsubscribe(CHANNEL, this.#onDial)
  }

  /** Those so far are not going to be accepted. */
  forget(): void {
    this.#dialed = []
  }

  /** A dial of the test itself. */
  except<T>(dial: () => T): T {
    this.#isOurs = true
    try {
      return dial()
    } finally {
      this.#isOurs = false
    }
  }

  numberOf(socket: Duplex): number {
    return this.#dialed.indexOf(socket)
  }
}

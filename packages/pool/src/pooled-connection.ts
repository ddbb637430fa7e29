import { Socket } from 'node:net'
import type { ReuseProof, ReuseRule } from '@relay/core'
import {
  type ConnectionReader,
  type ConnectionUser,
  containedProof,
  type RawConnection,
} from '@relay/core/connector'

const MAX_GREETING_BYTES = 16 * 1024

/**
 * One upstream connection in the hands of the pool: read while nobody has it, so that what its peer does is seen at once.
 *
 * ```text
 *   watched ──── lend() ───▶ lent ──── (reset) ──── watch() ───▶ watched        FIN, reset, unasked bytes: onSpoiled
 * ```
 */
export class PooledConnection implements ConnectionUser {
  readonly connection: RawConnection
  readonly proof: ReuseProof | undefined
  readonly openedAt: number = performance.now()
  /** Whether a session has used it: another may only after proof. */
  used = false
  /** The turn of the event loop in which it was last seen to be good. */
  provenInTurn = -1
  readonly #onSpoiled: (spoiled: PooledConnection, reason: string) => void
  #greeting: Buffer[] = []
  #greetingBytes = 0
  #spoiled = false
  #traffic = 0

  constructor(
    connection: RawConnection,
    rule: ReuseRule | undefined,
    onSpoiled: (spoiled: PooledConnection, reason: string) => void,
  ) {
    this.connection = connection
    this.proof = rule && containedProof(rule.open())
    this.#onSpoiled = onSpoiled
    this.watch()
  }

  /** Whether it can be lent, as far as the process has been told. */
  get fit(): boolean {
    const { unfit } = this.connection
    // Of a connection nobody has used, what is unread is the rest of a long greeting.
    return !this.#spoiled && (unfit === undefined || (unfit === 'unread' && !this.used))
  }

  /** Reads on behalf of nobody: from here on each event spoils it. */
  watch(): void {
    refer(this.connection, false)
    this.connection.attach(this)
    this.connection.resume()
  }

  /** Hands it over; an early greeting is the first that is read. */
  lend(): void {
    refer(this.connection, true)
    this.connection.detach()
    for (const chunk of this.#greeting.reverse()) this.connection.unread(chunk)
    if (this.#greeting.length > 0) this.used = true
    this.#greeting = []
    this.#traffic = this.#bytes
  }

  /** After a lease: whether a byte went either way. */
  noteUse(): void {
    if (this.#bytes !== this.#traffic) this.used = true
  }

  /** Sends what brings a dirty connection back to idle; resolves with whether it did. */
  reset(rule: ReuseRule): Promise<boolean> {
    const { connection, proof } = this
    const { reset } = rule
    if (proof === undefined || reset === undefined || !this.fit) return Promise.resolve(false)
    const bytes = proof.reset?.() ?? reset.send
    if (bytes.length === 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), reset.timeoutMs)
      const settle = (clean: boolean): void => {
        clearTimeout(timer)
        connection.detach()
        resolve(clean)
      }
      const onData = (chunk: Buffer): boolean => {
        if (!proof.down(chunk) || proof.state === 'tainted') settle(false)
        else if (proof.state === 'idle') settle(true)
        // All of it was answered, and something was refused.
        else if (proof.state === 'dirty') settle(false)
        return true
      }
      connection.attach({
        reader: { onData, onEnd: () => settle(false) },
        writer: this.writer,
        onClosed: () => settle(false),
      })
      connection.resume()
      proof.up(bytes)
      connection.socket.write(bytes)
    })
  }

  /** Resolves when the socket is closed. */
  destroy(): Promise<void> {
    const { connection } = this
    this.#spoiled = true
    return new Promise((resolve) => {
      const reader: ConnectionReader = { onData: () => false, onEnd: () => {} }
      connection.attach({ reader, writer: this.writer, onClosed: () => resolve() })
      connection.destroy()
    })
  }

  readonly reader: ConnectionReader = {
    onData: (chunk) => {
      this.#greetingBytes += chunk.length
      if (this.used) this.#spoil('unasked-bytes')
      else this.#greeting.push(Buffer.from(chunk))
      // A longer greeting waits in the kernel. A FIN behind it is not seen then.
      return this.#greetingBytes < MAX_GREETING_BYTES
    },
    onEnd: () => this.#spoil('upstream-end'),
  }

  readonly writer: ConnectionUser['writer'] = { onFlushed: () => {}, onFinished: () => {} }

  onClosed(error: Error | undefined): void {
    this.#spoil(error === undefined ? 'upstream-end' : 'upstream-reset')
  }

  // Those of TLS, not of the TCP below it: session tickets come after the handshake, whoever has the connection then.
  get #bytes(): number {
    const { socket } = this.connection
    return socket instanceof Socket ? socket.bytesRead + socket.bytesWritten : Number.NaN
  }

  #spoil(reason: string): void {
    if (this.#spoiled) return
    this.#spoiled = true
    this.#onSpoiled(this, reason)
  }
}

/** Whether the connection keeps the process alive. */
function refer({ socket }: RawConnection, held: boolean): void {
  if (held && 'ref' in socket && typeof socket.ref === 'function') socket.ref()
  else if (!held && 'unref' in socket && typeof socket.unref === 'function') socket.unref()
}

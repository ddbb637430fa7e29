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
  readonly #onGreeted: (greeting: Buffer) => void
  #greeting: Buffer[] = []
  #greetingBytes = 0
  #spoiled = false
  #readBefore = 0
  #writtenBefore = 0

  constructor(
    connection: RawConnection,
    rule: ReuseRule | undefined,
    onSpoiled: (spoiled: PooledConnection, reason: string) => void,
    onGreeted: (greeting: Buffer) => void,
  ) {
    this.connection = connection
    this.proof = rule && containedProof(rule.open())
    this.#onSpoiled = onSpoiled
    this.#onGreeted = onGreeted
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
    this.#readBefore = this.#read
    this.#writtenBefore = this.#written
  }

  /** Whether its peer has spoken first, on a connection that nobody has used. */
  get greeted(): boolean {
    return this.#greetingBytes > 0 && !this.used
  }

  /** What this lease has sent so far, in bytes; of a stream that is no socket nobody knows. */
  get sentBytes(): number {
    return this.#written - this.#writtenBefore
  }

  /** Whether the upstream has sent this lease anything. */
  get answered(): boolean {
    return this.#read > this.#readBefore
  }

  /** After a lease: whether a byte went either way. */
  noteUse(): void {
    if (this.#read !== this.#readBefore || this.#written !== this.#writtenBefore) this.used = true
  }

  /** Sends FIN on a connection that nobody has used; resolves when its peer has noticed, and shows that in whatever way. */
  noticesEnd(): Promise<void> {
    const { connection } = this
    return new Promise((resolve) => {
      if (this.#spoiled || this.greeted) return resolve()
      const onData = (): boolean => {
        resolve()
        return true
      }
      connection.attach({
        reader: { onData, onEnd: resolve },
        writer: this.writer,
        onClosed: () => resolve(),
      })
      connection.resume()
      connection.finish()
    })
  }

  /** Ends a connection of which its peer's machine has acknowledged nothing for so long. */
  giveUp(silentMs: number): void {
    const error = new Error(`nothing was acknowledged for ${silentMs} ms`)
    this.connection.socket.destroy(Object.assign(error, { code: 'ETIMEDOUT' }))
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
      else {
        this.#greeting.push(Buffer.from(chunk))
        this.#onGreeted(chunk)
      }
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
  get #read(): number {
    const { socket } = this.connection
    return socket instanceof Socket ? socket.bytesRead : Number.NaN
  }

  get #written(): number {
    const { socket } = this.connection
    return socket instanceof Socket ? socket.bytesWritten : Number.NaN
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

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { RelayError } from './errors.js'
import { GuardedSocket, type InterruptResult } from './guarded-socket.js'
import type { Lease, LeaseOrigin } from './lease.js'
import type { RawConnection } from './raw-connection.js'
import { containedProof, type ReuseProof } from './reuse-proof.js'

const FLUSH_MS = 1_000

/** The one who lent a connection, and gets it back. */
export interface Lender {
  /** The session is over; `result` says what the socket is good for. */
  returned(lease: ConnectionLease, result: InterruptResult): void | Promise<void>
  /** The connection is destroyed. */
  discarded(lease: ConnectionLease, error: unknown): void
  /** Somebody else owns the connection from now on. */
  detached(lease: ConnectionLease): void
}

/** Whether a session may get another connection for one that proves stale. */
export type RetryStale = 'before-first-byte' | 'replay' | 'never'

export interface ConnectionLeaseOptions {
  readonly origin: LeaseOrigin
  /** Knows when the connection can be shared; without it never, unless it is `trusted`. */
  readonly proof?: ReuseProof | undefined
  /** Shared on the word of the user, who knows the protocol. */
  readonly trusted?: boolean | undefined
  /** How long answers that a gone client left outstanding may take; 0: they are not waited for. */
  readonly settleMs?: number | undefined
  readonly retryStale?: RetryStale | undefined
}

/**
 * The lease of one connection. A relay copies on the raw connection itself; the guarded socket is made for those who ask for it.
 *
 * Acts on itself, never on the identity of its connection: a lease that has ended changes nothing of the next one.
 */
export class ConnectionLease implements Lease {
  readonly connection: RawConnection
  readonly origin: LeaseOrigin
  readonly proof: ReuseProof | undefined
  readonly trusted: boolean
  readonly settleMs: number
  readonly retryStale: RetryStale
  readonly #lender: Lender
  #guard: GuardedSocket | undefined
  #open = true
  #claimed = false

  constructor(connection: RawConnection, lender: Lender, options: ConnectionLeaseOptions) {
    this.connection = connection
    connection.owned = true
    this.origin = options.origin
    this.proof = options.proof && containedProof(options.proof)
    this.trusted = options.trusted ?? false
    this.settleMs = options.settleMs ?? 0
    this.retryStale = options.retryStale ?? 'never'
    this.#lender = lender
  }

  get socket(): GuardedSocket {
    if (!this.#open && this.#guard === undefined) {
      throw new RelayError('ERR_RELAY_LEASED', 'the lease has ended: its connection may be somebody else’s')
    }
    this.#guard ??= new GuardedSocket(this.connection.socket as Socket, {
      autoDestroyRaw: false,
      observe: this.proof,
      reused: this.origin === 'reused',
    })
    return this.#guard
  }

  /** Whether somebody asked for the guarded socket, which then has the connection. */
  get guarded(): boolean {
    return this.#guard !== undefined
  }

  /** One session begins to use it. **Fails** with `ERR_RELAY_LEASED` if one has before, or the lease has ended. */
  claim(): void {
    if (!this.#open || this.#claimed) {
      const what = this.#open ? 'the lease serves a session already' : 'the lease has ended'
      throw new RelayError('ERR_RELAY_LEASED', `${what}: its connection may be somebody else’s`)
    }
    this.#claimed = true
  }

  async release(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#lender.returned(this, await (this.#guard?.interrupt({ flushMs: FLUSH_MS }) ?? this.#settle()))
  }

  discard(error?: unknown): void {
    if (!this.#open) return
    this.#open = false
    this.#guard?.destroy()
    this.connection.destroy()
    this.#lender.discarded(this, error)
  }

  detach(): Duplex {
    if (!this.#open) return this.#guard ?? new Duplex().destroy()
    const guard = this.socket
    this.#open = false
    guard.adoptRaw()
    this.#lender.detached(this)
    return guard
  }

  [Symbol.dispose](): void {
    this.discard()
  }

  async #settle(): Promise<InterruptResult> {
    this.connection.detach()
    await this.connection.flushed(FLUSH_MS)
    const { unfit } = this.connection
    return {
      validity: unfit === undefined ? 'valid' : 'invalid',
      reusable: unfit === undefined,
      why: unfit ?? 'reusable',
    }
  }
}

import { ConnectionLease } from './connection-lease.js'
import { GuardedSocket } from './guarded-socket.js'
import type { Lease } from './lease.js'
import { containedProof, type ReuseProof } from './reuse-proof.js'

/** What to do with the upstream when the client has left. */
export type AfterClient = 'give-back' | 'wait' | 'spend'

const MAX_REPLAY_BYTES = 64 * 1024
const NOTHING = Buffer.alloc(0)

// What had ended before a session got it shows within a round trip.
const STALE_WITHIN_MS = 2_000

/**
 * How one session uses its lease, whoever's connector gave it: feeds the proof, and knows from it what the connection is still good for.
 *
 * Touches no socket: the copy asks, and acts.
 */
export class LeaseUse {
  readonly lease: Lease
  /** Shared on the word of the user, who knows the protocol. */
  readonly trusted: boolean
  /** How long answers that a gone client left outstanding may take; 0: they are not waited for. */
  readonly settleMs: number
  readonly #replays: boolean
  readonly #proof: ReuseProof | undefined
  /** Whether a guarded socket feeds the proof, as what it was given reaches the wire. */
  readonly #guardFeeds: boolean
  readonly #replaceable: boolean
  readonly #staleUntil: number
  #sent: Buffer[] | undefined = []
  #sentBytes = 0
  #answered = false
  #spent = false
  #goodbye: { readonly bytes: Buffer; readonly answer: Buffer } | undefined
  /** Whoever went on behind a goodbye did not mean it. */
  #believes = true

  /** @param options.replaceable - Whether the session can get another connection for this one. */
  constructor(lease: Lease, options: { readonly replaceable: boolean }) {
    const ours = lease instanceof ConnectionLease ? lease : undefined
    this.lease = lease
    this.trusted = ours?.trusted ?? false
    this.settleMs = ours?.settleMs ?? 0
    this.#proof = lease.proof && containedProof(lease.proof)
    this.#guardFeeds = usesGuard(lease) && lease.socket instanceof GuardedSocket && lease.socket.observed
    this.#replaceable = options.replaceable
    const retryStale = ours?.retryStale ?? 'never'
    this.#replays = retryStale === 'replay'
    if (!options.replaceable || lease.origin === 'dialed' || retryStale === 'never') this.#sent = undefined
    this.#staleUntil = this.#sent === undefined ? 0 : performance.now() + STALE_WITHIN_MS
  }

  /** Whether chunks have to pass by here at all. */
  get watches(): boolean {
    return this.#proof !== undefined || this.lease.origin !== 'dialed'
  }

  /** Whether the connection may be shared, if its proof says so. */
  get provable(): boolean {
    return this.#proof !== undefined
  }

  /** Whether something is outstanding that is meant to end with the client. All that it asked for it has asked whole. */
  get endsWithClient(): boolean {
    return this.#proof?.state === 'busy' && this.#proof.endsWithClient === true
  }

  /** What the client gets for the goodbye that is kept from the upstream; `undefined`: it has said none. */
  get goodbyeAnswer(): Buffer | undefined {
    return this.#goodbye?.answer
  }

  /** The goodbye that was kept back, which has to be sent after all. */
  takeGoodbye(): Buffer {
    const bytes = this.#goodbye?.bytes ?? NOTHING
    if (bytes.length > 0) this.#believes = false
    this.#goodbye = undefined
    return bytes
  }

  /**
   * A chunk for the upstream; returns what it gets of it. `undefined`: it must not be sent here. The rule does not understand it, so it
   * could not tell the answer to it from one that was meant for somebody before; a connection that nobody has used takes it as the first
   * of its {@link replay}.
   */
  up(received: Buffer): Buffer | undefined {
    const chunk = this.#goodbye === undefined ? received : Buffer.concat([this.takeGoodbye(), received])
    const bytes = this.#guardFeeds ? chunk : this.#prove(chunk)
    const first = this.#sentBytes === 0 && !this.#answered
    if (first && this.#replaceable && this.lease.origin === 'reused' && this.#proof?.state === 'tainted') {
      this.#sent = [Buffer.from(chunk)]
      return undefined
    }
    this.#record(bytes)
    return bytes
  }

  /** A chunk from the upstream; `false`: it was meant for somebody before, and must not be delivered. */
  down(chunk: Buffer): boolean {
    if (!this.#guardFeeds && this.#proof?.down(chunk) === false) {
      // Whatever the rule says from now on: more of them may be on their way.
      this.#spent = true
      if (this.lease.origin === 'reused') return false
    }
    this.#answered = true
    this.#sent = undefined
    return true
  }

  /** What was sent so far, when another connection can take the place of this one; else `undefined`. */
  get replay(): readonly Buffer[] | undefined {
    const goodbye = this.#goodbye
    return goodbye === undefined ? this.#sent : this.#sent && [...this.#sent, goodbye.bytes]
  }

  /** Whether an upstream that closes now counts as stale; later its close is an answer to this session, and handed on. */
  get stale(): boolean {
    return this.#sent !== undefined && performance.now() < this.#staleUntil
  }

  /**
   * The client sent FIN, or has said goodbye.
   *
   * @param unsentBytes - Of what it sent before, how much the upstream's socket has not taken yet.
   */
  afterClientFin(unsentBytes = 0): AfterClient {
    if (this.#spent) return 'spend'
    if (this.#proof === undefined) return this.trusted ? 'give-back' : 'spend'
    const { state } = this.#proof
    // What waits in a guarded socket is not known to the proof yet.
    if (this.#guardFeeds && unsentBytes > 0 && state !== 'tainted') return 'wait'
    if (state === 'idle' || state === 'dirty') return 'give-back'
    return state === 'busy' && !this.endsWithClient ? 'wait' : 'spend'
  }

  /** The client is gone, without a FIN. */
  afterClientReset(unsentBytes = 0): AfterClient {
    // Nobody has used it: it is as it was.
    if (this.lease.origin === 'prewarmed' && !this.#answered && this.#sentBytes === 0) return 'give-back'
    const verdict = this.afterClientFin(unsentBytes)
    if (verdict === 'give-back') return unsentBytes > 0 ? 'spend' : verdict
    return verdict === 'wait' && this.settleMs === 0 ? 'spend' : verdict
  }

  /** Feeds the proof; returns what may go up: the chunk without the goodbye that it ends in, if one can begin there. */
  #prove(chunk: Buffer): Buffer {
    const proof = this.#proof
    if (proof === undefined) return chunk
    const goodbye = this.#believes ? proof.goodbye?.(chunk) : undefined
    if (goodbye === undefined || goodbye.bytes > chunk.length) {
      proof.up(chunk)
      return chunk
    }
    const before = chunk.subarray(0, chunk.length - goodbye.bytes)
    const said = chunk.subarray(before.length)
    if (before.length > 0) proof.up(before)
    const { state } = proof
    if (state === 'partial' || state === 'tainted') {
      proof.up(said)
      return chunk
    }
    this.#goodbye = { bytes: Buffer.from(said), answer: goodbye.answer }
    return before
  }

  #record(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#sentBytes += chunk.length
    if (this.#sent === undefined) return
    if (this.#replays && this.#sentBytes <= MAX_REPLAY_BYTES) this.#sent.push(Buffer.from(chunk))
    else this.#sent = undefined
  }
}

/** Whether the lease is used by its guarded socket; ours is used without one, unless somebody has asked for it. */
export function usesGuard(lease: Lease): boolean {
  return !(lease instanceof ConnectionLease) || lease.guarded
}

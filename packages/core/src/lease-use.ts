import type { ConnectionLease } from './connection-lease.js'

/** What to do with the upstream when the client has left. */
export type AfterClient = 'give-back' | 'wait' | 'spend'

const MAX_REPLAY_BYTES = 64 * 1024

/**
 * How one session uses its lease: feeds the proof, and knows from it what the connection is still good for.
 *
 * Touches no socket: the copy asks, and acts.
 */
export class LeaseUse {
  readonly lease: ConnectionLease
  #sent: Buffer[] | undefined = []
  #sentBytes = 0
  #answered = false
  #spent = false

  constructor(lease: ConnectionLease, options: { readonly replaceable: boolean }) {
    this.lease = lease
    if (!options.replaceable || lease.origin === 'dialed' || lease.retryStale === 'never')
      this.#sent = undefined
  }

  /** Whether chunks have to pass by here at all. */
  get watches(): boolean {
    return this.lease.proof !== undefined || this.lease.origin !== 'dialed'
  }

  /** A chunk for the upstream. */
  up(chunk: Buffer): true {
    this.lease.proof?.up(chunk)
    this.#record(chunk)
    return true
  }

  /** A chunk from the upstream; `false`: it was meant for somebody before, and must not be delivered. */
  down(chunk: Buffer): boolean {
    if (this.lease.proof?.down(chunk) === false) {
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
    return this.#sent
  }

  /** The client sent FIN, and all it sent before has been written. */
  afterClientFin(): AfterClient {
    const { proof, trusted } = this.lease
    if (this.#spent) return 'spend'
    if (proof === undefined) return trusted ? 'give-back' : 'spend'
    const { state } = proof
    if (state === 'idle' || state === 'dirty') return 'give-back'
    return state === 'busy' ? 'wait' : 'spend'
  }

  /** The client is gone, without a FIN. */
  afterClientReset(): AfterClient {
    // Nobody has used it: it is as it was.
    if (this.lease.origin === 'prewarmed' && !this.#answered && this.#sentBytes === 0) return 'give-back'
    const verdict = this.afterClientFin()
    return verdict === 'wait' && this.lease.settleMs === 0 ? 'spend' : verdict
  }

  #record(chunk: Buffer): void {
    this.#sentBytes += chunk.length
    if (this.#sent === undefined) return
    if (this.lease.retryStale === 'replay' && this.#sentBytes <= MAX_REPLAY_BYTES)
      this.#sent.push(Buffer.from(chunk))
    else this.#sent = undefined
  }
}

import { adoptPromise } from './adopt-promise.js'
import { shownError } from './error-text.js'

/**
 * What a proof knows of its connection: `idle` — every request was answered exactly, nothing is partial; `busy` — answers are
 * outstanding; `partial` — half a request was sent; `dirty` — idle, but with session state that the rule's reset removes;
 * `tainted` — never to be shared again.
 */
export type ProofState = 'idle' | 'busy' | 'partial' | 'dirty' | 'tainted'

/** How a client takes leave of its server by its last request, which leaves the upstream nothing to do. */
export interface Goodbye {
  /** How many of the last bytes it takes. */
  readonly bytes: number
  /** What the client gets in the upstream's place, behind every answer that is outstanding, and before FIN; it may be empty. */
  readonly answer: Buffer
}

/** Watches one upstream connection for its whole life, and knows when it can be shared. */
export interface ReuseProof {
  /** Bytes on their way to the upstream. */
  up(chunk: Buffer): void
  /**
   * Bytes from the upstream, before they are passed on. `false`: they answer no request of this lease. After `up` was given what the rule
   * does not understand they may be its answer: then `true`.
   */
  down(chunk: Buffer): boolean
  readonly state: ProofState
  /**
   * While `busy`: what is outstanding is meant to end with its client, as a pop does that waits for an element. The upstream hears at once
   * when the client has left, which spends the connection.
   * @default false
   */
  readonly endsWithClient?: boolean
  /**
   * Whether this chunk, which `up` has not seen, ends in the client's goodbye. The bytes before it go to `up` as ever. If a request can
   * begin behind them, the goodbye is kept from the upstream, and given to `up` only if it has to be sent after all: when the client goes
   * on behind it, or the connection cannot be shared.
   */
  goodbye?(chunk: Buffer): Goodbye | undefined
  /** While `dirty`: what brings this connection back to `idle`; empty: nothing does; `undefined`: the whole of the rule's reset. */
  reset?(): Buffer | undefined
}

/** How connections of one protocol are proven. */
export interface ReuseRule {
  readonly name: string
  /** The proof of a new connection. */
  open(): ReuseProof
  /** What brings a `dirty` connection back to `idle`. */
  reset?: { readonly send: Buffer; readonly timeoutMs: number }
}

/** A proof that never throws: one that did has lost track, is not asked again, and its connection is never shared. */
export function containedProof(proof: ReuseProof): ReuseProof {
  return proof instanceof ContainedProof ? proof : new ContainedProof(proof)
}

class ContainedProof implements ReuseProof {
  readonly #proof: ReuseProof
  #lost = false

  constructor(proof: ReuseProof) {
    this.#proof = proof
  }

  get state(): ProofState {
    if (this.#lost) return 'tainted'
    try {
      return this.#proof.state
    } catch (error) {
      this.#lose(error)
      return 'tainted'
    }
  }

  get endsWithClient(): boolean {
    return this.#asked('endsWithClient', () => this.#proof.endsWithClient) ?? false
  }

  goodbye(chunk: Buffer): Goodbye | undefined {
    return this.#asked('goodbye', () => this.#proof.goodbye?.(chunk))
  }

  reset(): Buffer | undefined {
    return this.#asked('reset', () => this.#proof.reset?.())
  }

  up(chunk: Buffer): void {
    if (this.#lost) return
    try {
      this.#refusePromise('up', this.#proof.up(chunk))
    } catch (error) {
      this.#lose(error)
    }
  }

  down(chunk: Buffer): boolean {
    if (this.#lost) return false
    try {
      const answers: unknown = this.#proof.down(chunk)
      this.#refusePromise('down', answers)
      return !this.#lost && answers !== false
    } catch (error) {
      this.#lose(error)
      return false
    }
  }

  // Whatever it will come to know, it comes too late for the bytes that are passed on now.
  #refusePromise(method: string, returned: unknown): void {
    if (!adoptPromise(returned)) return
    this.#lose(new TypeError(`expected "${method}" of a proof to return at once, got a promise`))
  }

  #asked<T>(method: 'endsWithClient' | 'goodbye' | 'reset', ask: () => T): T | undefined {
    if (this.#lost) return undefined
    try {
      const value = ask()
      this.#refusePromise(method, value)
      return this.#lost ? undefined : value
    } catch (error) {
      this.#lose(error)
      return undefined
    }
  }

  #lose(error: unknown): void {
    this.#lost = true
    process.emitWarning(shownError(error))
  }
}

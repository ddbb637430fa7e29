/**
 * What a proof knows of its connection: `idle` — every request was answered exactly, nothing is partial; `busy` — answers are
 * outstanding; `partial` — half a request was sent; `dirty` — idle, but with session state that the rule's reset removes;
 * `tainted` — never to be shared again.
 */
export type ProofState = 'idle' | 'busy' | 'partial' | 'dirty' | 'tainted'

/** Watches one upstream connection for its whole life, and knows when it can be shared. */
export interface ReuseProof {
  /** Bytes on their way to the upstream. */
  up(chunk: Buffer): void
  /** Bytes from the upstream, before they are passed on. `false`: they answer no request of this lease. */
  down(chunk: Buffer): boolean
  readonly state: ProofState
}

/** How connections of one protocol are proven. */
export interface ReuseRule {
  readonly name: string
  /** The proof of a new connection. */
  open(): ReuseProof
  /** What brings a `dirty` connection back to `idle`. */
  reset?: { readonly send: Buffer; readonly timeoutMs: number }
}

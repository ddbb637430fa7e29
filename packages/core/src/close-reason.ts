import type { RelayError } from './errors.js'

/** Why a session ended; of two FINs the first seen counts. */
export type CloseReason =
  | 'client-end'
  | 'upstream-end'
  | 'client-reset'
  | 'upstream-reset'
  | 'client-error'
  | 'upstream-error'
  | 'idle-timeout'
  | 'linger-timeout'
  | 'max-duration'
  | 'interrupted'
  | 'connect-failed'
  | 'connect-timeout'
  | 'pool-exhausted'
  | 'rejected'
  | 'draining'
  | 'killed'

/** How a session went. */
export interface RelayResult {
  readonly reason: CloseReason
  /** What went wrong, when something did. */
  readonly error?: RelayError
  /** Client to upstream, as handed to the upstream's kernel. */
  readonly up: { readonly bytes: number }
  /** Upstream to client, as handed to the client's kernel. */
  readonly down: { readonly bytes: number }
  readonly durationMs: number
  /** From the start of the session to the first byte from the upstream; absent when none came. */
  readonly firstByteMs?: number
}

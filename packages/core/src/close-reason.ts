import { causeText } from './cause-text.js'
import { RelayError, type Side } from './errors.js'
import type { StageRef } from './stage-pipeline.js'

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
  | 'stage-error'
  | 'stage-end'
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
  /** The stage that ended the session, as `stage-error` or `stage-end`. */
  readonly stage?: StageRef
  /** Client to upstream, as handed to the upstream's kernel. */
  readonly up: { readonly bytes: number }
  /** Upstream to client, as handed to the client's kernel. */
  readonly down: { readonly bytes: number }
  readonly durationMs: number
  /** From the start of the session to the first byte from the upstream; absent when none came. */
  readonly firstByteMs?: number
}

/** What it means that a side's socket closed before its session was over. */
export function reasonOfClose(side: Side, cause: Error | undefined): [CloseReason, RelayError] {
  const context = { side, phase: 'transfer', cause } as const
  if (cause === undefined) {
    return [
      `${side}-error`,
      new RelayError('ERR_RELAY_PREMATURE_CLOSE', `the ${side}'s socket was destroyed`, context),
    ]
  }
  const code = 'code' in cause ? cause.code : undefined
  // EPIPE: the reset came before, and our write found it.
  return code === 'ECONNRESET' || code === 'EPIPE'
    ? [`${side}-reset`, new RelayError('ERR_RELAY_RESET', `the ${side} reset the connection`, context)]
    : [
        `${side}-error`,
        new RelayError('ERR_RELAY_PEER', `the ${side}'s connection failed: ${causeText(cause)}`, context),
      ]
}

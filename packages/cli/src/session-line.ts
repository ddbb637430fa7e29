import { type CloseReason, formatAddress, type RelayResult, type SessionInfo } from '@relay/core'
import type { Log } from './log.js'

const peersOwn: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'client-end',
  'upstream-end',
  'client-reset',
  'upstream-reset',
])

/** Logs how a session ended: `info` if a peer ended it, `warn` if the relay did or something failed. */
export function logSession(log: Log, session: SessionInfo, result: RelayResult): void {
  const { reason, error, stage } = result
  log(peersOwn.has(reason) ? 'info' : 'warn', 'session closed', {
    id: session.id,
    client: formatAddress(session.client),
    reason,
    stage: stage?.name,
    direction: stage?.direction,
    up: result.up.bytes,
    down: result.down.bytes,
    durationMs: rounded(result.durationMs),
    firstByteMs: result.firstByteMs === undefined ? undefined : rounded(result.firstByteMs),
    side: error?.side,
    phase: error?.phase,
    code: error?.code,
    error: error?.message,
  })
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}

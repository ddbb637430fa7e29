import { randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { type Address, socketAddress } from './address.js'
import type { RelayResult } from './close-reason.js'
import { copyOver } from './copy-over.js'
import { RelayError } from './errors.js'
import type { Lease } from './lease.js'
import { checkOptions, milliseconds, type OptionCheck, oneOf, signal } from './options.js'
import { RawConnection } from './raw-connection.js'
import type { SessionInfo } from './session-info.js'
import { SessionStages } from './session-stages.js'
import { type Stage, stagesCheck } from './stage.js'
import { type CopyPolicy, TwoWayCopy } from './two-way-copy.js'

/** How a session is carried, and when it ends. */
export interface RelayOptions {
  /**
   * What changes the bytes on their way, from the client's side to the upstream's: `up` bytes meet the stages in this order, `down`
   * bytes in the other.
   * @default []
   */
  readonly stages?: readonly Stage[] | undefined
  /** Aborting it cuts the session, with the reason `interrupted`. */
  readonly signal?: AbortSignal | undefined
  /**
   * What a side's FIN means: `forward` passes it on and lets the other direction go on, `close` ends both.
   * @default 'forward'
   */
  readonly halfClose?: 'forward' | 'close' | undefined
  /**
   * After one side's FIN, how long no byte may move before the session is cut; 0 disables.
   * @default 60_000
   */
  readonly lingerMs?: number | undefined
  /**
   * How long no byte may move either way before the session is cut; 0 disables.
   * @default 3_600_000
   */
  readonly idleTimeoutMs?: number | undefined
  /**
   * How long a session may last in all; 0 disables.
   * @default 0
   */
  readonly maxDurationMs?: number | undefined
}

/** The checks of {@link RelayOptions}, for those who take them too. */
export const RELAY_OPTION_CHECKS: Readonly<Record<keyof RelayOptions, OptionCheck>> = {
  stages: stagesCheck,
  signal,
  halfClose: oneOf('forward', 'close'),
  lingerMs: milliseconds,
  idleTimeoutMs: milliseconds,
  maxDurationMs: milliseconds,
}

/** The options with every default in its place. */
export function copyPolicy(options: RelayOptions): CopyPolicy {
  return {
    halfClose: options.halfClose ?? 'forward',
    lingerMs: options.lingerMs ?? 60_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 3_600_000,
    maxDurationMs: options.maxDurationMs ?? 0,
  }
}

/**
 * Copies between a client and an upstream, both ways, until the session is over; then both are closed.
 *
 * **Ends** with a result for everything that the peers do: a reset, a timeout and a FIN are outcomes, not errors. **Fails** only
 * for wrong arguments. **Backpressure**: at most 160 KiB wait in user memory, each direction, and what stages keep. **Cancels** by `signal`.
 */
export async function relay(
  client: Duplex,
  upstream: Duplex | Lease,
  options: RelayOptions = {},
): Promise<RelayResult> {
  checkOptions('relay', options, RELAY_OPTION_CHECKS)
  if ((client as unknown) === upstream) {
    throw new RelayError('ERR_RELAY_LEASED', 'relay: "client" and "upstream" are the same socket')
  }
  const near = connectionOf('client', client)
  const policy = copyPolicy(options)
  const stages = options.stages?.length ? new SessionStages(options.stages, sessionOf(client)) : undefined
  // A session that is only copied has no connector to turn to: a stale upstream is its end.
  let copy: TwoWayCopy
  try {
    copy = isLease(upstream)
      ? copyOver(near, upstream, policy, { stages, replaceable: false })
      : new TwoWayCopy(near, connectionOf('upstream', upstream), policy, { stages })
  } catch (error) {
    stages?.destroy()
    if (!near.owned) near.restore()
    throw error
  }
  const interrupt = (): void => copy.cut('interrupted')
  const { signal } = options
  if (signal?.aborted) interrupt()
  signal?.addEventListener('abort', interrupt, { once: true })
  const result = await copy.done
  signal?.removeEventListener('abort', interrupt)
  return result as RelayResult
}

function sessionOf(client: Duplex): SessionInfo {
  const address = (end: 'local' | 'remote'): Address =>
    client instanceof Socket ? socketAddress(client, end) : { path: '' }
  return { id: randomUUID(), client: address('remote'), listen: address('local'), startedAt: Date.now() }
}

function isLease(value: Duplex | Lease): value is Lease {
  return typeof value === 'object' && value !== null && 'release' in value && 'socket' in value
}

function connectionOf(name: string, value: unknown): RawConnection {
  if (!(value instanceof Duplex)) {
    const accepted = name === 'client' ? 'a Duplex stream' : 'a Duplex stream or a lease'
    throw new TypeError(`relay: expected "${name}" to be ${accepted}, got ${inspect(value, { depth: 0 })}`)
  }
  if (value.readableObjectMode || value.writableObjectMode || value.readableEncoding !== null) {
    throw new TypeError(
      `relay: expected "${name}" to be a stream of bytes, without object mode and setEncoding()`,
    )
  }
  const connection = RawConnection.of(value)
  if (connection.inUse) throw new RelayError('ERR_RELAY_LEASED', `the socket of "${name}" is leased already`)
  return connection
}

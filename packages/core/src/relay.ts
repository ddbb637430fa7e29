import { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import type { RelayResult } from './close-reason.js'
import type { Lease } from './lease.js'
import { checkOptions, milliseconds, type OptionCheck, oneOf, signal } from './options.js'
import { RawConnection } from './raw-connection.js'
import { type CopyPolicy, TwoWayCopy } from './two-way-copy.js'

/** How a session is carried, and when it ends. */
export interface RelayOptions {
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
 * for wrong arguments. **Backpressure**: at most 160 KiB wait in user memory, each direction. **Cancels** by `signal`.
 */
export async function relay(
  client: Duplex,
  upstream: Duplex | Lease,
  options: RelayOptions = {},
): Promise<RelayResult> {
  checkOptions('relay', options, RELAY_OPTION_CHECKS)
  const sides = [
    duplexOf('client', client),
    duplexOf('upstream', 'socket' in upstream ? upstream.socket : upstream),
  ] as const
  const copy = new TwoWayCopy(RawConnection.of(sides[0]), RawConnection.of(sides[1]), copyPolicy(options))
  const { signal } = options
  if (signal === undefined) return copy.done
  const interrupt = (): void => copy.cut('interrupted')
  if (signal.aborted) interrupt()
  signal.addEventListener('abort', interrupt, { once: true })
  return copy.done.finally(() => signal.removeEventListener('abort', interrupt))
}

function duplexOf(name: string, value: unknown): Duplex {
  if (value instanceof Duplex) return value
  throw new TypeError(
    `relay: expected "${name}" to be a Duplex stream or a lease, got ${inspect(value, { depth: 0 })}`,
  )
}

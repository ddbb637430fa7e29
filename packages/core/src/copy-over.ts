import { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { ConnectionLease } from './connection-lease.js'
import { RelayError } from './errors.js'
import type { Lease } from './lease.js'
import { LeaseUse, usesGuard } from './lease-use.js'
import { RawConnection } from './raw-connection.js'
import { type CopyOptions, type CopyPolicy, TwoWayCopy } from './two-way-copy.js'

/**
 * Copies over a lease of any connector, ours or not; the copy releases or discards it.
 *
 * **Fails** with `ERR_RELAY_LEASED` when the lease has ended or its connection is in use, and with a `TypeError` for what is no lease;
 * then nothing was begun.
 */
export function copyOver(
  client: RawConnection,
  lease: Lease,
  policy: CopyPolicy,
  options: Omit<CopyOptions, 'use'> & { readonly replaceable: boolean },
): TwoWayCopy {
  const upstream = connectionOf(lease)
  const { startedAt, stages, replay, replaceable } = options
  const use = new LeaseUse(lease, { replaceable })
  return new TwoWayCopy(client, upstream, policy, { startedAt, stages, replay, use })
}

function connectionOf(lease: Lease): RawConnection {
  // Once, for ever: the connection of a lease that has served may be somebody else's by now.
  if (lease instanceof ConnectionLease) lease.claim()
  if (!usesGuard(lease)) return (lease as ConnectionLease).connection
  const { socket } = lease as { socket: unknown }
  if (!(socket instanceof Duplex)) {
    throw new TypeError(
      `expected a lease with a "socket" that is a Duplex, got ${inspect(lease, { depth: 0 })}`,
    )
  }
  const connection = RawConnection.of(socket)
  if (connection.inUse) throw new RelayError('ERR_RELAY_LEASED', 'the socket of the lease is leased already')
  return connection
}

import { ConnectionLease } from './connection-lease.js'
import type { Lease } from './lease.js'
import { LeaseUse } from './lease-use.js'
import { RawConnection } from './raw-connection.js'
import { type CopyOptions, type CopyPolicy, TwoWayCopy } from './two-way-copy.js'

/** Copies over a lease of any connector, ours or not. */
export function copyOver(
  client: RawConnection,
  lease: Lease,
  policy: CopyPolicy,
  options: Omit<CopyOptions, 'use'> & { readonly replaceable: boolean },
): TwoWayCopy {
  if (lease instanceof ConnectionLease && !lease.guarded) {
    const { startedAt, stages, replay } = options
    const use = new LeaseUse(lease, options)
    return new TwoWayCopy(client, lease.connection, policy, { startedAt, stages, replay, use })
  }
  const copy = new TwoWayCopy(client, RawConnection.of(lease.socket), policy, options)
  void copy.done.then(() => lease.discard())
  return copy
}

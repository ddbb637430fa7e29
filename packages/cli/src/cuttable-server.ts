import type { RelayServer } from '@relay/core'
import type { Cuttable } from './stop.js'

/** The sessions of a relay, for a {@link Cuttable}: cut, they are reset, so that none looks whole. */
export function cuttableServer(server: RelayServer): Cuttable {
  return {
    cut: () => server.close({ graceMs: 0 }),
    cutNow() {
      // `close()` takes turns of the event loop for many sessions, and there is none to come.
      for (const { id } of server.sessions()) server.kill(id)
    },
  }
}

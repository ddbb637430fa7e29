import type { ConnectionOptions } from 'node:tls'
import { type Address, parseAddress } from './address.js'
import { needsNoAbortSignal } from './cancellation.js'
import { ConnectionLease, type Lender } from './connection-lease.js'
import { type DialTarget, dial } from './dial.js'
import { RelayError } from './errors.js'
import type { Connector, Lease } from './lease.js'
import { checkOptions, milliseconds, type OptionCheck, text } from './options.js'

export interface DialerOptions {
  /** Name or address of the upstream. */
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** A unix socket, instead of `host` and `port`. */
  readonly path?: string | undefined
  /** TLS to the upstream, verified by default: `true`, or what `tls.connect` takes. */
  readonly tls?: boolean | ConnectionOptions | undefined
  /**
   * For DNS, TCP and TLS together; 0 disables.
   * @default 5_000
   */
  readonly connectTimeoutMs?: number | undefined
}

const anyPort: OptionCheck = (value) => (Number.isInteger(value) ? undefined : 'a port')
const tlsOptions: OptionCheck = (value) =>
  typeof value === 'boolean' || (typeof value === 'object' && value !== null)
    ? undefined
    : 'a boolean or options of tls.connect'

// A dialed connection serves one session, and ends with it.
const lender: Lender = {
  returned: ({ connection }) => connection.destroy(),
  discarded: () => {},
  detached: () => {},
}

/** A connector that dials a fresh connection for each session, and ends it with the session. */
export function dialer(options: DialerOptions): Connector {
  const target = dialTarget('dialer', options)
  let closed = false
  let dialed = 0
  let failed = 0
  let dialing = 0
  const connector: Connector = {
    async connect({ signal }): Promise<Lease> {
      if (closed)
        throw new RelayError('ERR_RELAY_CLOSED', 'the dialer is closed', {
          side: 'upstream',
          phase: 'connect',
        })
      dialing++
      try {
        const connection = await dial(target, signal)
        dialed++
        return new ConnectionLease(connection, lender, { origin: 'dialed' })
      } catch (error) {
        failed++
        throw error
      } finally {
        dialing--
      }
    },
    async close() {
      closed = true
    },
    stats: () => Object.freeze({ dialed, failed, dialing }),
  }
  needsNoAbortSignal(connector)
  return connector
}

/** Checks where and how to dial. **Fails** with an error that names the option. */
export function dialTarget(owner: string, options: DialerOptions): DialTarget {
  checkOptions(owner, options, {
    host: text,
    port: anyPort,
    path: text,
    tls: tlsOptions,
    connectTimeoutMs: milliseconds,
  })
  return {
    address: addressOf(owner, options),
    tls: options.tls === true ? {} : options.tls || undefined,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
  }
}

function addressOf(owner: string, { host, port, path }: DialerOptions): Address {
  if (path !== undefined && (host !== undefined || port !== undefined)) {
    throw new TypeError(`${owner}: expected either "path", or "host" and "port", got both`)
  }
  if (path !== undefined) return parseAddress({ path })
  if (host === undefined || port === undefined)
    throw new TypeError(`${owner}: expected "host" and "port", or "path"`)
  return parseAddress({ host, port })
}

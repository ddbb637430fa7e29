import { randomBytes } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { acceptedConnection } from './accepted-connection.js'
import { type Address, type AddressLike, clientAddress, formatAddress, parseAddress } from './address.js'
import { sessionChannels } from './channels.js'
import type { CloseReason, RelayResult } from './close-reason.js'
import { contain } from './contain.js'
import { sessionsByDescriptors } from './descriptor-limit.js'
import { RelayError } from './errors.js'
import type { Connector } from './lease.js'
import { type Listening, listenAt } from './listen-at.js'
import { checkOptions, count, func, milliseconds, type OptionCheck } from './options.js'
import { copyPolicy, RELAY_OPTION_CHECKS, type RelayOptions } from './relay.js'
import { Session } from './session.js'
import type { SessionInfo } from './session-info.js'
import { SessionList } from './session-list.js'
import { SOCKET_SETTINGS } from './socket-settings.js'
import { StageList } from './stage-list.js'
import { inTurn } from './turn-share.js'
import type { CopyPolicy } from './two-way-copy.js'

export interface RelayServerOptions extends Omit<RelayOptions, 'signal'> {
  /** Where sessions get their upstream connection. Not closed with the server. */
  readonly upstream: Connector
  /**
   * Sessions at once; one more client is reset at once, and counted as `rejected`. 0: no limit.
   * @default what the process's descriptor limit allows, two for each session
   */
  readonly maxConnections?: number | undefined
  /**
   * Who may connect where it listens on a unix socket, as for `chmod`: 0o660 for its user and group.
   *
   * @default what the umask leaves
   */
  readonly unixMode?: number | undefined
  /** A client was accepted. */
  readonly onSession?: ((info: SessionInfo) => void) | undefined
  /** A session ended, or a client was rejected. */
  readonly onClose?: ((info: SessionInfo, result: RelayResult) => void) | undefined
}

/** A live session, as {@link RelayServer.sessions} shows it. */
export interface SessionSnapshot extends SessionInfo {
  readonly up: { readonly bytes: number }
  readonly down: { readonly bytes: number }
}

/** Counters since the server was made; `active` is now. */
export interface RelayServerStats {
  readonly active: number
  readonly accepted: number
  readonly rejected: number
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>
  readonly up: { readonly bytes: number }
  readonly down: { readonly bytes: number }
}

const connector: OptionCheck = (value) =>
  typeof value === 'object' && value !== null && 'connect' in value && typeof value.connect === 'function'
    ? undefined
    : 'a connector, such as dialer({ host, port })'

const fileMode: OptionCheck = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0o777
    ? undefined
    : 'a file mode from 0 to 0o777'

const { signal: _, ...COPY_OPTION_CHECKS } = RELAY_OPTION_CHECKS

function closed(): RelayError {
  return new RelayError('ERR_RELAY_CLOSED', 'the server is closed', { phase: 'listen' })
}

/** A server that relays each client to an upstream connection of its own. `listen()` starts it. */
export function createRelayServer(options: RelayServerOptions): RelayServer {
  checkOptions('createRelayServer', options, {
    ...COPY_OPTION_CHECKS,
    upstream: connector,
    maxConnections: count,
    unixMode: fileMode,
    onSession: func,
    onClose: func,
  })
  if (options.upstream === undefined)
    throw new TypeError('createRelayServer: expected option "upstream", got undefined')
  return new RelayServer(options)
}

/** Accepts clients, gives each a session, and lets them end before it closes. Made by {@link createRelayServer}. */
export class RelayServer {
  /** The stages that new sessions get; a session keeps those it began with. */
  readonly stages: StageList
  readonly #options: RelayServerOptions
  readonly #policy: CopyPolicy
  readonly #maxConnections: number
  readonly #server: Server
  readonly #sessions = new SessionList()
  readonly #idPrefix = randomBytes(3).toString('hex')
  readonly #closed: Partial<Record<CloseReason, number>> = {}
  #accepted = 0
  #rejected = 0
  #upBytes = 0
  #downBytes = 0
  #address: Address | undefined
  #listening: Listening | undefined
  #beginning = false
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  /** Use {@link createRelayServer}, which checks the options. */
  constructor(options: RelayServerOptions) {
    this.#options = options
    this.stages = new StageList(options.stages ?? [])
    this.#policy = copyPolicy(options)
    this.#maxConnections = options.maxConnections ?? sessionsByDescriptors()
    this.#server = createServer(SOCKET_SETTINGS, (socket) => this.#accept(socket))
    // After listening only a failing accept is reported here; the next client is accepted again.
    this.#server.on('error', () => {})
  }

  /** Where the server listens, with the real port; `undefined` before and after. */
  get address(): Address | undefined {
    return this.#address
  }

  /**
   * Starts accepting clients; port 0 picks a free one. A unix socket takes the place of one that nobody listens on any more.
   *
   * **Fails** with `ERR_RELAY_LISTEN`, whose `cause` is the system's error, and can then be called again.
   */
  async listen(address: AddressLike): Promise<Address> {
    const wanted = parseAddress(address)
    if (this.#closing !== undefined) throw closed()
    if (this.#beginning || this.#listening !== undefined) {
      const message = `could not listen on ${formatAddress(wanted)}: the server listens already`
      throw new RelayError('ERR_RELAY_LISTEN', message, { phase: 'listen' })
    }
    this.#beginning = true
    try {
      // Its first client may come before we know that it has its path.
      if ('path' in wanted) this.#address = wanted
      const listening = await listenAt(this.#server, wanted, { unixMode: this.#options.unixMode })
      this.#address = listening.address
      // Closed meanwhile: there is nobody behind the file.
      if (this.#closing === undefined) this.#listening = listening
      else listening.leave()
      return listening.address
    } catch (cause) {
      this.#address = undefined
      if (this.#closing !== undefined) throw closed()
      const message = `could not listen on ${formatAddress(wanted)}: ${(cause as Error).message}`
      throw new RelayError('ERR_RELAY_LISTEN', message, { phase: 'listen', cause })
    } finally {
      this.#beginning = false
    }
  }

  /** The live sessions, as they are now. */
  sessions(): readonly SessionSnapshot[] {
    return Array.from(this.#sessions, ({ info, bytes }) => ({
      ...info,
      up: { bytes: bytes.up },
      down: { bytes: bytes.down },
    }))
  }

  /** Ends one session now, as `killed`; false when there is none of that id. */
  kill(id: string): boolean {
    for (const session of this.#sessions) {
      if (session.info.id !== id) continue
      session.cut('killed')
      return true
    }
    return false
  }

  /** A frozen snapshot of the counters; bytes are those of live sessions too. */
  stats(): RelayServerStats {
    let up = this.#upBytes
    let down = this.#downBytes
    for (const { bytes } of this.#sessions) {
      up += bytes.up
      down += bytes.down
    }
    return Object.freeze({
      active: this.#sessions.size,
      accepted: this.#accepted,
      rejected: this.#rejected,
      closed: Object.freeze({ ...this.#closed }),
      up: Object.freeze({ bytes: up }),
      down: Object.freeze({ bytes: down }),
    })
  }

  /**
   * Stops accepting, lets the sessions end, and after `graceMs` ends those that are left, as `draining`. The connector stays open.
   *
   * @param options.graceMs - 0 ends them at once. A second call can only shorten the time. Default 25_000.
   */
  close(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    checkOptions('close', options, { graceMs: milliseconds })
    const graceMs = options.graceMs ?? 25_000
    const timer = setTimeout(() => this.#cutAll('draining'), graceMs)
    if (graceMs === 0) this.#cutAll('draining')
    this.#closing ??= this.#drain()
    return this.#closing.finally(() => clearTimeout(timer))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ graceMs: 0 })
  }

  async #drain(): Promise<void> {
    this.#listening?.leave()
    // Node looks a name up first, and then listens, though it was closed.
    if (this.#beginning) this.#server.once('listening', () => this.#server.close())
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    this.#address = undefined
  }

  #cutAll(reason: CloseReason): void {
    for (const session of this.#sessions) inTurn(() => session.cut(reason))
  }

  #accept(socket: Socket): void {
    const client = acceptedConnection(socket)
    const info: SessionInfo = {
      id: `${this.#idPrefix}-${++this.#accepted}`,
      client: clientAddress(client.socket as Socket, this.#address as Address),
      listen: this.#address as Address,
      startedAt: Date.now(),
    }
    if (this.#maxConnections > 0 && this.#sessions.size >= this.#maxConnections) {
      client.reset()
      this.#rejected++
      return this.#report(info, { reason: 'rejected', up: { bytes: 0 }, down: { bytes: 0 }, durationMs: 0 })
    }
    const session = new Session(info, client, this.#options.upstream, this.#policy, this.stages.current)
    this.#sessions.add(session)
    if (sessionChannels.open.hasSubscribers) sessionChannels.open.publish({ info })
    contain(() => this.#options.onSession?.(info))
    void session.done.then((result) => {
      this.#sessions.remove(session)
      this.#upBytes += result.up.bytes
      this.#downBytes += result.down.bytes
      this.#report(info, result)
      if (this.#sessions.size === 0) this.#onIdle?.()
    })
  }

  #report(info: SessionInfo, result: RelayResult): void {
    this.#closed[result.reason] = (this.#closed[result.reason] ?? 0) + 1
    if (sessionChannels.close.hasSubscribers) sessionChannels.close.publish({ info, result })
    contain(() => this.#options.onClose?.(info, result))
  }
}

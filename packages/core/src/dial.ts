import { channel } from 'node:diagnostics_channel'
import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { type Address, formatAddress } from './address.js'
import type { CancelSignal } from './cancellation.js'
import { causeText } from './cause-text.js'
import { errorText } from './error-text.js'
import { RelayError } from './errors.js'
import { RawConnection } from './raw-connection.js'
import { ReadBuffer } from './read-buffer.js'
import { RelaySocket } from './relay-socket.js'
import { SOCKET_SETTINGS } from './socket-settings.js'
import { tlsName } from './tls-name.js'

export interface DialTarget {
  readonly address: Address
  readonly tls?: ConnectionOptions | undefined
  readonly connectTimeoutMs: number
}

const BACKLOG_RETRY_MS = 20
const clientSockets = channel('net.client.socket')

const optionsOf = new WeakMap<DialTarget, NetConnectOpts>()

/**
 * Opens one connection: DNS, TCP and TLS within `connectTimeoutMs`.
 *
 * **Fails** with a `RelayError`, `ERR_RELAY_CONNECT` or `ERR_RELAY_CONNECT_TIMEOUT`. **Cancels** with the signal's reason. Nothing
 * stays open then.
 */
export function dial(target: DialTarget, signal: CancelSignal): Promise<RawConnection> {
  return 'path' in target.address ? dialUnix(target, signal) : dialOnce(target, signal)
}

// Linux refuses a unix connection at once while the backlog is full; one over TCP it would try again until there is room.
async function dialUnix(target: DialTarget, signal: CancelSignal): Promise<RawConnection> {
  const { address, connectTimeoutMs } = target
  const giveUpAt = connectTimeoutMs > 0 ? performance.now() + connectTimeoutMs : Number.POSITIVE_INFINITY
  for (;;) {
    try {
      return await dialOnce(target, signal)
    } catch (error) {
      if (!isBacklogFull(error)) throw error
      if (performance.now() + BACKLOG_RETRY_MS > giveUpAt) throw timedOut(address, connectTimeoutMs, error)
    }
    await sleep(BACKLOG_RETRY_MS)
  }
}

function isBacklogFull(error: unknown): boolean {
  return error instanceof RelayError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EAGAIN'
}

function timedOut(address: Address, timeoutMs: number, cause?: unknown): RelayError {
  const message = `could not connect to ${formatAddress(address)} within ${timeoutMs} ms`
  return new RelayError('ERR_RELAY_CONNECT_TIMEOUT', message, { side: 'upstream', phase: 'connect', cause })
}

function dialOnce(target: DialTarget, signal: CancelSignal): Promise<RawConnection> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const { connectTimeoutMs } = target
    const readBuffer = target.tls === undefined ? new ReadBuffer() : undefined
    const options = connectOptions(target)
    options.onread = readBuffer?.onread
    const { tls } = target
    // Under TLS it is TLS that writes, and knows what became of it.
    const tcp = tls === undefined ? connectRelaySocket(options) : connectTcp(options)
    // Heard before TLS hears it: a handshake with oneself leads nowhere.
    if (tls !== undefined) tcp.once('connect', refusesItself)
    // TLS is laid over a TCP socket that we opened ourselves, because only that one can be reset.
    let socket: Socket
    try {
      socket = tls === undefined ? tcp : connectTls(tlsOptions(target.address, tls, tcp))
    } catch (error) {
      // A bad certificate, say. Nobody would hear of what happens to the TCP socket.
      tcp.on('error', () => {}).destroy()
      return reject(failure(error as Error))
    }
    const timer = connectTimeoutMs > 0 ? setTimeout(onTimeout, connectTimeoutMs) : undefined

    socket.once(tls === undefined ? 'connect' : 'secureConnect', onConnect)
    socket.on('error', onError)
    if (tls !== undefined) tcp.on('error', onError)
    // Not `connect({ signal })`: that one stays armed after the connection is made.
    signal.addEventListener('abort', onAbort, { once: true })

    function settle(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.off(tls === undefined ? 'connect' : 'secureConnect', onConnect)
    }
    function fail(reason: unknown): void {
      settle()
      tcp.destroy()
      socket.destroy()
      reject(reason)
    }
    function refusesItself(): boolean {
      if (!isItsOwnPeer(tcp, target.address)) return false
      // Not a FIN: its TIME_WAIT would keep the port from the server that is to listen there.
      tcp.resetAndDestroy()
      fail(failure(nobodyListens()))
      return true
    }
    function onConnect(): void {
      if (tls === undefined && refusesItself()) return
      settle()
      const connection = new RawConnection(socket, { tcp: tls && tcp, readBuffer })
      connection.owned = true
      socket.off('error', onError)
      // What happens to the socket under TLS, TLS tells; only its own listener must stay.
      if (tls !== undefined) tcp.off('error', onError).on('error', () => {})
      resolve(connection)
    }
    function onAbort(): void {
      fail(signal.reason)
    }
    function onTimeout(): void {
      fail(timedOut(target.address, connectTimeoutMs))
    }
    function onError(error: Error): void {
      fail(failure(error))
    }
    function failure(cause: Error): RelayError {
      const message = `could not connect to ${formatAddress(target.address)}: ${causeText(cause)}`
      return new RelayError('ERR_RELAY_CONNECT', message, { side: 'upstream', phase: 'connect', cause })
    }
  })
}

// Whoever traces a process hears of each socket that it dials, once: Node 20 says so in net.connect(), which makes a socket of its own
// kind, and Node 24 in connect().
function connectRelaySocket(options: NetConnectOpts): Socket {
  const socket = new RelaySocket(options)
  if (!clientSockets.hasSubscribers) return socket.connect(options)
  let heard = false
  const hear = (message: unknown): void => {
    heard ||= (message as { socket: Socket }).socket === socket
  }
  clientSockets.subscribe(hear)
  socket.connect(options)
  clientSockets.unsubscribe(hear)
  if (!heard) clientSockets.publish({ socket })
  return socket
}

// While nothing listens on a port that the kernel hands out, a dial may be given that very port for its own end; TCP then connects the
// socket to itself. What was dialed is the peer's port: the first comparison, which is nearly always the last, asks the kernel once.
function isItsOwnPeer(tcp: Socket, address: Address): boolean {
  return 'port' in address && tcp.localPort === address.port && tcp.localAddress === tcp.remoteAddress
}

function nobodyListens(): Error {
  const error = new Error('nothing listens there (the connection met itself)')
  return Object.assign(error, { code: 'ECONNREFUSED' })
}

// Without a prototype, because Node copies the options of each socket, which takes V8 three times as long for one that has it. And made
// once, for to make such an object takes long: what is new each time is put in when it is used.
function connectOptions(target: DialTarget): NetConnectOpts {
  const made = optionsOf.get(target)
  if (made !== undefined) return made
  const options: NetConnectOpts = Object.assign(Object.create(null), target.address, SOCKET_SETTINGS, {
    // Node's 250 ms for each address of a name are too few for a far upstream.
    autoSelectFamilyAttemptTimeout: Math.max(1_000, target.connectTimeoutMs / 4),
  })
  optionsOf.set(target, options)
  return options
}

function tlsOptions(address: Address, tls: ConnectionOptions, socket: Socket): ConnectionOptions {
  const options = { ...SOCKET_SETTINGS, ...serverName(address), ...tls, socket }
  const { checkServerIdentity } = tls
  if (checkServerIdentity === undefined) return options
  // Node calls it in the middle of the handshake, where what it throws would end the process.
  options.checkServerIdentity = (name, certificate) => {
    try {
      return checkServerIdentity(name, certificate)
    } catch (error) {
      return error instanceof Error ? error : new Error(errorText(error))
    }
  }
  return options
}

function serverName(address: Address): ConnectionOptions {
  if ('path' in address) return {}
  const name = tlsName(address.host)
  // The certificate is held to the same name.
  return name === undefined ? { host: address.host } : { host: name, servername: name }
}

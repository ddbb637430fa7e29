import type { Server } from 'node:net'
import type { Address } from './address.js'
import { folderFailure, SocketFile } from './socket-file.js'

export interface ListenAtOptions {
  /**
   * Who may connect to a unix socket, as for `chmod`: 0o660 for its user and group.
   *
   * @default what the umask leaves
   */
  readonly unixMode?: number | undefined
}

/** Where a server listens. */
export interface Listening {
  /** With the port that was picked. */
  readonly address: Address
  /** Nobody is to come any more: removes the file of a unix socket, unless it is another's by now. Called before the server closes. */
  leave(): void
}

/** Has the server listen. **Fails** with the system's error, and can then be called again. */
export async function listenAt(
  server: Server,
  address: Address,
  options: ListenAtOptions = {},
): Promise<Listening> {
  if (!('path' in address)) {
    await bind(server, address)
    const bound = server.address()
    const real =
      typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : address
    return { address: real, leave: () => {} }
  }
  const file = new SocketFile(address.path)
  try {
    await bind(server, { path: file.boundPath })
  } catch (error) {
    throw (await folderFailure(address.path)) ?? error
  }
  try {
    await file.publish(options.unixMode)
  } catch (error) {
    await new Promise((resolve) => server.close(resolve))
    throw error
  }
  return { address, leave: () => file.remove() }
}

function bind(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      server.off('error', settle).off('close', onClose).off('listening', settle)
      if (error === undefined) resolve()
      else reject(error)
    }
    // Closed before it listens, it says nothing else.
    const onClose = (): void => settle(new Error('the server is closed'))
    server.on('error', settle).on('close', onClose).on('listening', settle)
    server.listen(address)
  })
}

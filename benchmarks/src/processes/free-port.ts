import { createServer } from 'node:net'

/** Where something listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

// Below the ports that Linux gives to clients: none of them takes one of these between our look and the listener's.
const FIRST_PORT = 20_000
const PORTS = 12_000

/** A port of 127.0.0.1 on which nobody listens. */
export async function freePort(): Promise<Address> {
  for (;;) {
    const address = { host: '127.0.0.1', port: FIRST_PORT + Math.floor(Math.random() * PORTS) }
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(address, () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => server.close(resolve))
    return address
  }
}

/** `host:port`. */
export function formatAddress({ host, port }: Address): string {
  return `${host}:${port}`
}

import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import type { Address } from '../src/address.js'
import { dial } from '../src/dial.js'

const signal = new AbortController().signal

async function freePort(host: string): Promise<number> {
  const server = createServer()
  await once(server.listen(0, host), 'listening')
  const address = server.address()
  await once(server.close(), 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** An address where nothing listens, dialed from its own port, as the kernel may choose to. */
async function ownAddress(host: string): Promise<Address & { readonly port: number }> {
  const port = await freePort(host)
  return Object.assign({ host, port }, { localAddress: host, localPort: port })
}

test.each([
  ['plain', '127.0.0.1', undefined],
  ['plain', '::1', undefined],
  ['TLS', '127.0.0.1', {}],
] as const)(
  'a %s dial of %s that connects to itself is refused, and leaves the port free',
  async (_kind, host, tls) => {
    const address = await ownAddress(host)
    // Nobody waits for a timeout: there is none.
    await expect(dial({ address, tls, connectTimeoutMs: 0 }, signal)).rejects.toMatchObject({
      code: 'ERR_RELAY_CONNECT',
      side: 'upstream',
      phase: 'connect',
      message: expect.stringMatching(/:\d+: nothing listens there \(the connection met itself\)$/),
      cause: { code: 'ECONNREFUSED' },
    })
    const server = createServer()
    await once(server.listen(address.port, host), 'listening')
    await once(server.close(), 'close')
  },
)

test('a connection from the same port of another address is no connection to itself', async () => {
  const server = createServer((socket) => socket.end())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  const address = Object.assign({ host: '127.0.0.1', port }, { localAddress: '127.0.0.2', localPort: port })
  const connection = await dial({ address, connectTimeoutMs: 0 }, signal)
  connection.destroy()
  await once(server.close(), 'close')
})

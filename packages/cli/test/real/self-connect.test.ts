import { expect, test } from 'vitest'
import { NETWORK_PROGRAMS, ownNetwork } from '../load/support/network.js'
import { type Child, run } from './support/child.js'
import { describeWith } from './support/programs.js'
import { startRelay } from './support/relay-process.js'

// The one port that the kernel may choose is the upstream's: each dial meets itself.
const UPSTREAM_PORT = 40_002
const NARROW = `echo '${UPSTREAM_PORT} ${UPSTREAM_PORT}' >/proc/sys/net/ipv4/ip_local_port_range`

// From a port of its own choice, since the kernel has none for it.
const CLIENT = `
  const socket = require('node:net').connect({ host: '127.0.0.1', port: 9000, localPort: 10000 })
  socket.on('connect', () => socket.write('my password'))
  socket.on('data', (data) => console.log('got', String(data)))
  socket.on('error', ({ code }) => console.log(code))`

const SERVER = `
  const server = require('node:net').createServer().listen(${UPSTREAM_PORT}, '127.0.0.1')
  server.on('listening', () => server.close(() => console.log('listened')))
  server.on('error', ({ code }) => console.log(code))`

describeWith(NETWORK_PROGRAMS, 'a relay to a port of the kernel’s choice where nothing listens', () => {
  test.each([
    ['plain', '', []],
    ['over TLS', 'tls://', ['--connect-timeout', '0']],
    ['prewarmed', '', ['--prewarm', '4']],
    ['pooled', '', ['--reuse', 'redis']],
  ] as const)('%s: is refused, and leaves the port to its server', async (_kind, scheme, flags) => {
    const network = await ownNetwork()
    const inNetwork = (command: string, ...args: readonly string[]): Promise<Child> =>
      run(network[0] as string, [...network.slice(1), command, ...args])
    await inNetwork('sh', '-c', NARROW)
    const upstream = `${scheme}127.0.0.1:${UPSTREAM_PORT}`
    const relay = await startRelay(upstream, { under: network, listen: '127.0.0.1:9000', flags })
    const client = await inNetwork(process.execPath, '-e', CLIENT)
    expect(client.stdout.toString()).toBe('ECONNRESET\n')
    expect((await relay.ended(1))[0]).toMatchObject({
      reason: 'connect-failed',
      code: 'ERR_RELAY_CONNECT',
      error: expect.stringContaining('nothing listens there (the connection met itself)'),
    })
    const server = await inNetwork(process.execPath, '-e', SERVER)
    expect(server.stdout.toString()).toBe('listened\n')
    expect(await relay.stop()).toBe(0)
  })
})

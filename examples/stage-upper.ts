// A stage is a function: what the client says is heard in capitals.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createRelayServer, defineStage, dialer } from '@relay/core'

const upstream = createServer((socket) => socket.on('data', (chunk) => socket.write(`you said ${chunk}`)))
await once(upstream.listen(0, '127.0.0.1'), 'listening')
const { port } = upstream.address() as { port: number }

// #region upper
const upper = defineStage({
  name: 'upper',
  up: () => (chunk) => chunk.map((byte) => (byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte)),
})
const server = createRelayServer({ upstream: dialer({ host: '127.0.0.1', port }), stages: [upper] })
// #endregion
const address = await server.listen('127.0.0.1:0')
if (!('port' in address)) throw new Error('not a TCP address')

const client = connect(address.port, address.host)
client.write('hello\n')
process.stdout.write((await once(client, 'data'))[0])
client.end()
await once(client, 'close')
await server.close()
upstream.close()

// Stages while connections live: what new sessions get, and a throttle that is set while one runs.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createRelayServer, dialer } from '@relay/core'
import { passThrough, replace, throttle } from '@relay/core/stages'

const upstream = createServer((socket) => socket.pipe(socket))
await once(upstream.listen(0, '127.0.0.1'), 'listening')
const { port } = upstream.address() as { port: number }

// #region server
const slow = throttle({ bytesPerSecond: 1 })
const server = createRelayServer({
  upstream: dialer({ host: '127.0.0.1', port }),
  stages: [passThrough(), slow],
})
// #endregion
const address = await server.listen('127.0.0.1:0')

async function talk(text: string): Promise<Socket> {
  if (!('port' in address)) throw new Error('not a TCP address')
  const client = connect(address.port, address.host)
  client.on('data', (chunk) => console.log(`${text}: ${chunk.length} bytes`))
  await once(client, 'connect')
  client.end(text.repeat(10))
  return client
}

const first = await talk('first')
await once(first, 'data')

// #region live
server.stages.replace([replace({ from: 'second', to: 'better' })])
slow.set({ bytesPerSecond: 1024 * 1024 })
// #endregion

await Promise.all([once(first, 'close'), talk('second').then((client) => once(client, 'close'))])
await server.close()
upstream.close()

// Program 2: a pool of upstream connections, opened ahead, so that no client waits for a handshake.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createRelayServer } from '@relay/core'
import { connectionPool } from '@relay/pool'

// An upstream that speaks first, as a mail server does.
const upstream = createServer({ allowHalfOpen: true }, (socket) => {
  socket.write('220 ready\n')
  socket.on('end', () => socket.end('221 bye\n'))
  socket.resume()
}).listen(0, '127.0.0.1')
await once(upstream, 'listening')
const { port } = upstream.address() as { port: number }

// #region pool
const pool = connectionPool({ dial: { host: '127.0.0.1', port }, prewarm: 4 })
const server = createRelayServer({ upstream: pool })
await pool.prewarm(4)
// #endregion
const address = await server.listen('127.0.0.1:0')
if (!('port' in address)) throw new Error('not a TCP address')

for (let visit = 1; visit <= 3; visit++) {
  const client = connect(address.port, address.host)
  const [greeting] = await once(client, 'data')
  console.log(`client ${visit}:`, greeting.toString().trim())
  client.end()
  client.resume()
  await once(client, 'close')
}
const { lent, created } = pool.stats()
console.log(`${lent.prewarmed} of 3 clients found their connection open; ${created} were opened`)

await server.close()
await pool.close()
upstream.close()

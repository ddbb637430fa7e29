// What relay-server.mjs is measured against: Node's own `pipe`, both ways, in a process that watches its event loop.
//
//   node pipe-server.mjs UPSTREAM_PORT
//
// Says and is told the same, but for "close".
import { connect, createServer } from 'node:net'
import { say } from './told.mjs'
import { reportDelay } from './watched-loop.mjs'

let open = 0
const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const upstream = connect({
    host: '127.0.0.1',
    port: Number(process.argv[2]),
    allowHalfOpen: true,
    noDelay: true,
  })
  client.pipe(upstream).pipe(client)
  client.on('error', () => upstream.destroy())
  upstream.on('error', () => client.destroy())
  for (const socket of [client, upstream]) {
    open++
    socket.on('close', () => --open > 0 || say({ empty: true }))
  }
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => say({ port: server.address().port }))
await reportDelay(() => ({}))
process.exit()

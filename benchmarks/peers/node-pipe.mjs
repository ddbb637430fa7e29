// Node's own `pipe` as a relay, in the best setting it has: node node-pipe.mjs <listen> <upstream>
import { connect, createServer } from 'node:net'

const [listen, upstream] = process.argv.slice(2).map((text) => {
  const [host, port] = text.split(':')
  return { host, port: Number(port) }
})
const settings = { allowHalfOpen: true, noDelay: true }

createServer(settings, (client) => {
  const server = connect({ ...upstream, ...settings })
  client.pipe(server)
  server.pipe(client)
  // pipe() hands on no failure: without this the other side would stay open for ever.
  client.on('error', () => server.destroy())
  server.on('error', () => client.destroy())
}).listen({ ...listen, backlog: 4096 })

// A relay of Node's own `pipe`, as a program: node node-pipe.js <listen> <upstream> <allow half-open: true|false>
import { connect, createServer } from 'node:net'
import { type Address, parseAddress } from '../address.js'

const [listen, upstream] = process.argv.slice(2, 4).map((text) => parseAddress(text) as Address)
const allowHalfOpen = process.argv[4] === 'true'

createServer({ allowHalfOpen, noDelay: true }, (client) => {
  const server = connect({ ...(upstream as Address), allowHalfOpen, noDelay: true })
  client.pipe(server)
  server.pipe(client)
  // pipe() hands on no failure: without this the other side would stay open for ever.
  client.on('error', () => server.destroy())
  server.on('error', () => client.destroy())
}).listen({ ...(listen as Address), backlog: 1_024 })

// A relay with one Transform each way by Node's own `pipeline`: node node-transform.mjs <listen> <upstream>
import { connect, createServer } from 'node:net'
import { pipeline, Transform } from 'node:stream'

const [listen, upstream] = process.argv.slice(2).map((text) => {
  const [host, port] = text.split(':')
  return { host, port: Number(port) }
})
const settings = { allowHalfOpen: true, noDelay: true }
const passOn = () => new Transform({ transform: (chunk, _, callback) => callback(null, chunk) })
const ignore = () => {}

createServer(settings, (client) => {
  const server = connect({ ...upstream, ...settings })
  pipeline(client, passOn(), server, ignore)
  pipeline(server, passOn(), client, ignore)
}).listen({ ...listen, backlog: 4096 })

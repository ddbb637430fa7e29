// Program 1: copy both ways between a client and an upstream that is dialed for it. Either side's end ends both.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createRelayServer, dialer } from '@relay/core'

// An upstream to talk to: it answers in capitals.
const upstream = createServer((socket) => {
  socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()))
}).listen(0, '127.0.0.1')
await once(upstream, 'listening')
const { port } = upstream.address() as { port: number }

// #region relay
const server = createRelayServer({
  upstream: dialer({ host: '127.0.0.1', port }),
  halfClose: 'close',
  onClose: (info, { reason, up, down }) =>
    console.log(info.id, reason, `${up.bytes} B up, ${down.bytes} B down`),
})
const address = await server.listen('127.0.0.1:0')
// #endregion

// A client of the relay: it says hello, and leaves when it is answered.
if (!('port' in address)) throw new Error('not a TCP address')
const client = connect(address.port, address.host)
client.write('hello through the relay\n')
const [answer] = await once(client, 'data')
process.stdout.write(answer)
client.end()
await once(client, 'close')

await server.close()
upstream.close()

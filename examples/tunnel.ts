// A compressed tunnel from two relays: text crosses the wire between them in a fraction of its size, and small messages at once.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createRelayServer, dialer } from '@relay/core'
import { compress, decompress } from '@relay/core/stages'

// A log server: it takes lines, and says how many there were.
const upstream = createServer({ allowHalfOpen: true }, (socket) => {
  let lines = 0
  socket.on('data', (chunk) => (lines += chunk.toString('latin1').split('\n').length - 1))
  socket.on('end', () => socket.end(`${lines} lines`))
}).listen(0, '127.0.0.1')
await once(upstream, 'listening')
const { port } = upstream.address() as { port: number }

// #region tunnel
const exit = createRelayServer({
  upstream: dialer({ host: '127.0.0.1', port }),
  stages: [decompress({ algorithm: 'brotli' })],
})
const wire = await exit.listen('127.0.0.1:0')
if (!('port' in wire)) throw new Error('not a TCP address')

const entry = createRelayServer({
  upstream: dialer(wire),
  stages: [compress({ algorithm: 'brotli' })],
  onClose: (_info, { up, down }) =>
    console.log(`crossed the wire: ${up.bytes} B up`, `(${down.bytes} B came out)`),
})
// #endregion
const address = await entry.listen('127.0.0.1:0')
if (!('port' in address)) throw new Error('not a TCP address')

const levels = ['info', 'info', 'info', 'warn']
const log = Array.from({ length: 20_000 }, (_, index) => {
  const at = new Date(1_700_000_000_000 + index * 317).toISOString()
  return `${at} ${levels[index % 4]} request ${(index * 7_919) % 100_003} took ${(index * index) % 997} ms\n`
}).join('')

const client = connect({ ...address, allowHalfOpen: true })
client.end(log)
console.log(`sent: ${log.length} B; answered: ${(await once(client, 'data'))[0]}`)
await once(client, 'close')
await entry.close()
await exit.close()
upstream.close()

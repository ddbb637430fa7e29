// A relay in a process of its own that watches its own event loop, as nobody can from outside.
//
//   node relay-server.mjs UPSTREAM_PORT
//
// {"port":…} when it listens. On "watch" it measures the loop's delay from then on. {"empty":true} when the last session has
// ended; on "close" it drains for no time at all. On "report" {"delayMs":…,"closed":{…}}: the longest delay, and the reasons.
import { createRelayServer, dialer } from '@relay/core'
import { say, told } from './told.mjs'
import { reportDelay } from './watched-loop.mjs'

// server.stats() adds up every session: too much to ask at each close.
let active = 0
const server = createRelayServer({
  upstream: dialer({ host: '127.0.0.1', port: Number(process.argv[2]) }),
  onSession: () => active++,
  onClose: () => --active > 0 || say({ empty: true }),
})
const { port } = await server.listen('127.0.0.1:0')
say({ port })

void told('close').then(() => server.close({ graceMs: 0 }))
await reportDelay(() => ({ closed: server.stats().closed }))
await server.close({ graceMs: 0 })
process.exit()

// Program 4: know whether a returned connection is still good. A stale one is replaced by a fresh dial, never by another stale one.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { connectionPool } from '@relay/pool'

const accepted: Socket[] = []
const upstream = createServer((socket) => {
  accepted.push(socket)
  socket.on('data', (chunk) => socket.write(chunk))
}).listen(0, '127.0.0.1')
await once(upstream, 'listening')
const { port } = upstream.address() as { port: number }

// 'trust': we know that an echo keeps no state. Other protocols need a rule that proves it: see docs/reuse.md.
const pool = connectionPool({ dial: { host: '127.0.0.1', port }, reuse: 'trust' })

async function ask(question: string): Promise<void> {
  await pool.use(async ({ socket, origin }) => {
    socket.write(question)
    const [answer] = await once(socket, 'data')
    console.log(`${answer} over a ${origin} connection, ${socket.validity}`)
  })
}

await ask('one')
await ask('two')
// The upstream closes the connection while nobody uses it: the pool sees that at once, and nobody is given it.
accepted[0]?.destroy()
await ask('three')
console.log('closed because:', pool.stats().closed)

await pool.close()
upstream.close()

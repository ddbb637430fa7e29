// Program 3: interrupt a blocked copy without closing its connection, wait for all its users, then use the connection again.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GuardedSocket } from '@relay/core'

// An upstream that says nothing until it is asked.
const upstream = createServer((socket) => socket.on('data', (chunk) => socket.write(`you said ${chunk}`)))
upstream.listen(0, '127.0.0.1')
await once(upstream, 'listening')
const { port } = upstream.address() as { port: number }
const raw = connect(port, '127.0.0.1')
await once(raw, 'connect')

// #region interrupt
// The first lease blocks: it copies from a connection on which nothing comes.
const first = new GuardedSocket(raw)
const release = first.retain()
const copying = pipeline(first, new PassThrough().resume())
  .catch((error) => console.log('the copy ended:', error.code))
  .finally(release)

const { reusable, why } = await first.interrupt()
await copying
console.log('reusable:', reusable, `(${why});`, 'destroyed:', raw.destroyed)

// The second lease finds the connection as it was.
const second = new GuardedSocket(raw)
second.write('hello')
console.log(String((await once(second, 'data'))[0]))
// #endregion

second.destroy()
upstream.close()

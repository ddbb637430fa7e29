// Clients that say something once, and then nothing.
//
//   node idle-clients.mjs PORT COUNT
//
// {"idle":count} when each has had its echo. They leave together, on "end" by FIN and on "reset" by reset; {"ends":…,"resets":…}
// counts how the other side ended them, when all are closed.
import { once } from 'node:events'
import { connect } from 'node:net'
import { say, told } from './told.mjs'

const AT_ONCE = 100
const [port, count] = process.argv.slice(2).map(Number)
const hello = Buffer.alloc(64, 'hello')
const ended = { ends: 0, resets: 0 }
const sockets = []
const closed = []

async function open() {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  sockets.push(socket)
  socket.write(hello)
  let received = 0
  while (received < hello.length) received += (await once(socket, 'data'))[0].length
  socket.on('error', () => ended.resets++)
  socket.on('end', () => {
    ended.ends++
    socket.end()
  })
  closed.push(new Promise((resolve) => socket.on('close', resolve)))
  socket.resume()
}

while (sockets.length < count) {
  const some = Math.min(AT_ONCE, count - sockets.length)
  await Promise.all(Array.from({ length: some }, open))
}
say({ idle: sockets.length })
void told('end').then(() => {
  for (const socket of sockets) socket.end()
})
void told('reset').then(() => {
  for (const socket of sockets) socket.resetAndDestroy()
})
await Promise.all(closed)
say(ended)

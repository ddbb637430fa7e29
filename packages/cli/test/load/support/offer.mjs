// Both ends of sessions in which one side sends and the other one does not read until it is told to.
//
//   node offer.mjs upstream send|hold BYTES              {"port":…}
//   node offer.mjs clients  send|hold BYTES PORT COUNT
//
// Who sends: {"stuck":bytes} that the kernel has taken, when nothing has moved for a second. Who holds, on "read":
// {"read":bytes,"whole":streams} of which every byte came, and a FIN behind them.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { say, told } from './told.mjs'

const QUIET_MS = 1_000
const BLOCK = Buffer.alloc(64 * 1024, 'relay')
const [role, action, bytes, port, count] = process.argv.slice(2)
const size = Number(bytes)
const reading = told('read')
const streams = []
const senders = []
let quiet

function moved() {
  clearTimeout(quiet)
  quiet = setTimeout(() => {
    say({ stuck: senders.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0) })
  }, QUIET_MS)
}

async function send(socket) {
  senders.push(socket)
  socket.resume()
  for (let left = size; left > 0; left -= BLOCK.length) {
    if (!socket.write(BLOCK.subarray(0, left))) await once(socket, 'drain')
    moved()
  }
  socket.end()
}

async function hold(socket) {
  let read = 0
  await reading
  socket.on('data', (chunk) => {
    read += chunk.length
  })
  socket.resume()
  await once(socket, 'end')
  socket.end()
  return { read, whole: read === size }
}

function take(socket) {
  if (action === 'hold') streams.push(hold(socket).catch(() => ({ read: 0, whole: false })))
  else send(socket).catch((error) => say({ failed: String(error) }))
}

if (role === 'upstream') {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, take)
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 })
  await once(server, 'listening')
  say({ port: server.address().port })
} else {
  for (let index = 0; index < Number(count); index++) {
    const socket = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true }).pause()
    await once(socket, 'connect')
    take(socket)
  }
}

await reading
const results = await Promise.all(streams)
say({
  read: results.reduce((sum, { read }) => sum + read, 0),
  whole: results.filter(({ whole }) => whole).length,
})

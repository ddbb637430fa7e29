// One side of a session in a process of its own, which says and hears what it is told to, and ends as a process ends.
import { connect, createServer } from 'node:net'

const { side, address } = JSON.parse(process.argv[2])
let heard = 0

function play(socket) {
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    heard += chunk.length
    process.send({ heard })
  })
  process.on('message', ({ say, stopReading, exit }) => {
    if (say !== undefined) socket.write(Buffer.from(say, 'base64'))
    if (exit) process.exit()
    if (!stopReading) return
    socket._handle.readStop()
    process.send({ stopped: true })
  })
  process.send({ connected: true })
}

if (side === 'client') {
  const socket = connect({ ...address, allowHalfOpen: true }, () => play(socket))
} else {
  const server = createServer({ allowHalfOpen: true }, play)
  server.listen(address, () => process.send({ listening: server.address() }))
}
process.on('disconnect', () => process.exit())

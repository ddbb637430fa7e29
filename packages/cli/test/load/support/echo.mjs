// An upstream that sends back what comes, FIN included: {"port":…}
import { createServer } from 'node:net'
import { say } from './told.mjs'

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => say({ port: server.address().port }))

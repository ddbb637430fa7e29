// Holds connections and sends back what comes: node echo-upstream.js <address>
import { createServer } from 'node:net'

const [host, port] = (process.argv[2] ?? '').split(':')

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
}).listen({ host, port: Number(port), backlog: 4096 })

// Both ends of transfers that all are under way at once, every other one up and the rest down.
//
//   node transfers.mjs upstream                    {"port":…}
//   node transfers.mjs clients PORT COUNT BYTES    {"underWay":count}
//
// {"whole":…,"wrong":[…]} counts those of which every byte came, each what it had to be, and a FIN behind them. No client ends its
// part before it is told to "finish": an upload keeps back its last block, a download its FIN. The relay has all open until then.
//
//   header    number, bytes (4 each)
//   upload    header, stream, FIN;  then the upstream's verdict, FIN
//   download  header;  then stream, FIN;  then the client's FIN
import { createCipheriv } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { say, told } from './told.mjs'

const HEADER_BYTES = 8
const BLOCK_BYTES = 64 * 1024
const WHOLE = 'whole'

// Random, and repeated after a number of bytes that no buffer's size divides: what is missing, doubled or of another transfer
// shifts all that follows.
const PERIOD = 1_048_573
const period = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(PERIOD))
const ring = Buffer.concat([period, period])

/** A part of the stream that a transfer carries. */
function content(number, at, bytes) {
  const start = (number * 7_919 + at) % PERIOD
  return ring.subarray(start, start + bytes)
}

async function send(socket, number, from, to) {
  for (let at = from; at < to; at += BLOCK_BYTES) {
    if (!socket.write(content(number, at, Math.min(BLOCK_BYTES, to - at)))) await once(socket, 'drain')
  }
}

/** Compares all that comes, until a FIN, with what it has to be; resolves with what is wrong. */
async function fault(socket, number, bytes) {
  let at = 0
  let other
  socket.on('data', (chunk) => {
    if (!content(number, at, chunk.length).equals(chunk)) other ??= `other bytes from ${at} on`
    at += chunk.length
  })
  socket.resume()
  await once(socket, 'end')
  return other ?? (at === bytes ? undefined : `${at} bytes of ${bytes}`)
}

const isUpload = (number) => number % 2 === 0

async function serve(socket) {
  let header = socket.read(HEADER_BYTES)
  for (; header === null; header = socket.read(HEADER_BYTES)) await once(socket, 'readable')
  const [number, bytes] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  if (isUpload(number)) return void socket.end((await fault(socket, number, bytes)) ?? WHOLE)
  await send(socket, number, 0, bytes)
  socket.end()
  socket.resume()
}

async function upstream() {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    serve(socket).catch(() => socket.destroy())
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 })
  await once(server, 'listening')
  say({ port: server.address().port })
}

/** Resolves with what is wrong; `onOpen` is called when the relay has an upstream for it, or never will. */
async function transfer(port, number, bytes, onOpen) {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32BE(number)
  header.writeUInt32BE(bytes, 4)
  socket.write(header)
  if (isUpload(number)) {
    const last = bytes - BLOCK_BYTES
    const verdict = once(socket, 'data')
    verdict.catch(() => {})
    await send(socket, number, 0, last / 2)
    onOpen()
    await send(socket, number, last / 2, last)
    await finish
    await send(socket, number, last, bytes)
    socket.end()
    return (await verdict).toString() === WHOLE ? undefined : `${await verdict}`
  }
  socket.once('data', onOpen)
  const wrong = await fault(socket, number, bytes)
  await finish
  socket.end()
  return wrong
}

async function clients(port, count, bytes) {
  let opening = count
  const onOpen = () => --opening === 0 && say({ underWay: count })
  const transfers = Array.from({ length: count }, (_, number) =>
    transfer(port, number, bytes, onOpen).catch((error) => String(error)),
  )
  const wrong = (await Promise.all(transfers)).filter((fault) => fault !== undefined)
  say({ whole: count - wrong.length, wrong })
  process.exit()
}

const finish = told('finish')
const [role, ...numbers] = process.argv.slice(2)
await (role === 'upstream' ? upstream() : clients(...numbers.map(Number)))

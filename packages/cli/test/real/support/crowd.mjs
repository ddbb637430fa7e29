// Both ends of many concurrent sessions, each a process of its own; plain JavaScript, for they run without a test runner.
//
//   node crowd.mjs upstream              prints its port
//   node crowd.mjs client PORT COUNT     prints one JSON line: how the sessions went
//
// Each session carries 1 MiB each way, at the same time, and no two carry the same: a stream that is made of the session's number.
//   up    number (4 bytes), stream
//   down  stream, SHA-256 of everything that came up (32 bytes)
// No client sends more than its number before all of them have got a byte of their answer: so all sessions are open at once.
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const SESSION_BYTES = 1024 * 1024
const NUMBER_BYTES = 4
const HASH_BYTES = 32
const CHUNK_BYTES = 64 * 1024

/** The content of one direction of one session, in chunks. */
function* content(number, direction, bytes) {
  const iv = Buffer.alloc(16)
  iv.writeUInt32BE(number)
  iv.write(direction, NUMBER_BYTES)
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'relay'), iv)
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    yield cipher.update(Buffer.alloc(Math.min(left, CHUNK_BYTES)))
  }
}

function hashOf(chunks) {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest()
}

function upBytes(number) {
  const header = Buffer.alloc(NUMBER_BYTES)
  header.writeUInt32BE(number)
  return [header, content(number, 'up', SESSION_BYTES - NUMBER_BYTES)]
}

async function write(socket, chunks) {
  for (const chunk of chunks) {
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
}

/** Takes the session's number from the first bytes, then sends while it receives. */
async function serve(socket) {
  const hash = createHash('sha256')
  let header = Buffer.alloc(0)
  let sending
  // Iterated plainly, the socket would be destroyed at the client's FIN, before the answer.
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk)
    if (sending !== undefined) continue
    header = Buffer.concat([header, chunk])
    if (header.length < NUMBER_BYTES) continue
    sending = write(socket, content(header.readUInt32BE(), 'down', SESSION_BYTES - HASH_BYTES))
    sending.catch(() => {})
  }
  await sending
  socket.end(hash.digest())
}

async function upstream() {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    serve(socket).catch(() => socket.destroy())
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 })
  await once(server, 'listening')
  console.log(server.address().port)
}

/** Resolves with what is wrong, if anything is. */
async function visit(port, number, everybody) {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const [header, stream] = upBytes(number)
  socket.write(header)
  const chunks = []
  const ended = new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('end', resolve)
    socket.on('close', () => reject(new Error('closed without an end')))
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (chunks.length === 1) {
        socket.pause()
        everybody.here()
      }
    })
  })
  // What fails before everybody is here must not keep them waiting.
  ended.catch(() => everybody.here())
  await everybody.areHere
  socket.resume()
  await Promise.all([ended, write(socket, stream).then(() => socket.end())])
  const received = Buffer.concat(chunks)
  if (received.length !== SESSION_BYTES) return `${received.length} bytes came down`
  const answer = received.subarray(0, SESSION_BYTES - HASH_BYTES)
  if (!hashOf([answer]).equals(hashOf(content(number, 'down', answer.length)))) return 'other bytes came down'
  const [sentHeader, sentStream] = upBytes(number)
  const sent = hashOf([sentHeader, ...sentStream])
  return received.subarray(-HASH_BYTES).equals(sent) ? undefined : 'other bytes came up'
}

async function client(port, count) {
  const everybody = gathering(count)
  let startedAt = 0
  void everybody.areHere.then(() => {
    startedAt = performance.now()
  })
  const visits = Array.from({ length: count }, (_, number) =>
    visit(port, number, everybody).catch((error) => String(error)),
  )
  const faults = (await Promise.all(visits)).filter((fault) => fault !== undefined)
  const ms = performance.now() - startedAt
  console.log(JSON.stringify({ good: count - faults.length, faults: faults.slice(0, 5), ms }))
}

function gathering(count) {
  let missing = count
  let open
  const areHere = new Promise((resolve) => {
    open = resolve
  })
  const here = () => {
    if (--missing === 0) open()
  }
  return { areHere, here }
}

const [role, port, count] = process.argv.slice(2)
await (role === 'upstream' ? upstream() : client(Number(port), Number(count)))

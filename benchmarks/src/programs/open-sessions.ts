// Opens sessions, sends one message there and back on each, and holds them: node open-sessions.js <address> <count>
// Prints `open` when all have had their answer.
import { connect } from 'node:net'

const MESSAGE = 'sixty-four bytes of greeting, to know that the session is whole.'
const AT_ONCE = 50

const [address = '', count] = process.argv.slice(2)
const [host = '', port] = address.split(':')

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), noDelay: true }, () => socket.write(MESSAGE))
    let received = 0
    socket.on('error', reject).on('data', (chunk) => {
      received += chunk.length
      if (received === MESSAGE.length) resolve()
    })
  })
}

let left = Number(count)
async function openSome(): Promise<void> {
  while (left-- > 0) await open()
}

try {
  await Promise.all(Array.from({ length: AT_ONCE }, openSome))
  process.stdout.write('open\n')
} catch (error) {
  process.stderr.write(`${left} sessions missing: ${(error as Error).message}`)
  process.exit(1)
}

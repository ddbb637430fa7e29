// Sessions one after another: dial, a question and a FIN, the answer and its FIN, close.
//
//   node short-clients.mjs PORT COUNT…
//
// {"after N":[…]} when N sessions are over, for each of the ascending counts, with what failed; then it waits for "on".
import { connect } from 'node:net'
import { say, told } from './told.mjs'

const AT_ONCE = 8

// A port rests for a minute after its connection: of one address alone, they would run out.
const SOURCES = Array.from({ length: 8 }, (_, index) => `127.0.1.${index + 1}`)

const [port, ...counts] = process.argv.slice(2).map(Number)
const failed = []
let started = 0

function visit(number) {
  const localAddress = SOURCES[number % SOURCES.length]
  const socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true })
  const question = `question ${number} `.repeat(4)
  let answer = ''
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text
  })
  socket.on('end', () => answer === question || failed.push(`${number}: ${answer}`))
  socket.on('error', (error) => failed.push(`${number}: ${error.message}`))
  socket.end(question)
  return new Promise((resolve) => socket.on('close', resolve))
}

async function visitUntil(count) {
  while (started < count) await visit(started++)
}

for (const count of counts) {
  await Promise.all(Array.from({ length: AT_ONCE }, () => visitUntil(count)))
  say({ [`after ${count}`]: failed })
  await told(`on from ${count}`)
}

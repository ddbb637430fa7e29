// How long a new session waits for its first answer: node first-answer.js <address> <sessions> [<authority file> <name>]
// Opens sessions one after another, asks a redis PING on each, and prints the milliseconds as JSON.
import { readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'

const PING = '*1\r\n$4\r\nPING\r\n'
const PAUSE_MS = 10

const [address = '', sessions, authorityFile, servername] = process.argv.slice(2)
const [host = '', port] = address.split(':')
const target = { host, port: Number(port), noDelay: true }
const tls = authorityFile && servername ? { ca: readFileSync(authorityFile), servername } : undefined

function firstAnswerMs(): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    let ms = Number.NaN
    const socket: Socket = tls ? connectTls({ ...target, ...tls }) : connectTcp(target)
    socket
      .once(tls ? 'secureConnect' : 'connect', () => socket.write(PING))
      .once('data', () => {
        ms = performance.now() - startedAt
        socket.end()
      })
      .on('error', reject)
      .on('close', () => (Number.isNaN(ms) ? reject(new Error('closed without an answer')) : resolve(ms)))
      .resume()
  })
}

const times: number[] = []
for (let at = 0; at < Number(sessions); at++) {
  times.push(await firstAnswerMs())
  // The upstream side of a session ends a moment after its client's.
  await sleep(PAUSE_MS)
}
process.stdout.write(JSON.stringify(times))

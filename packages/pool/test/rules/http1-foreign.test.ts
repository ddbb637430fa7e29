import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRelayServer } from '@relay/core'
import { expect, it, onTestFinished } from 'vitest'
import { connectionPool } from '../../src/index.js'
import { http1 } from '../../src/rules/http1.js'
import { HostileServer, mark, type Random, randomFrom } from './http1-hostile.js'

const SESSIONS = Number(process.env.RELAY_SESSIONS ?? 2_000) / 2
const SEED = Number(process.env.RELAY_SEED ?? Date.now() % 1_000_000)
const CONCURRENCY = 24

for (const settleMs of [0, 20]) {
  it(`no byte reaches another session: ${SESSIONS} sessions, settleMs ${settleMs}, RELAY_SEED=${SEED}`, async () => {
    const random = randomFrom(SEED + settleMs)
    const upstream = await HostileServer.start(random)
    onTestFinished(() => upstream.stop())
    const pool = connectionPool({
      dial: { host: '127.0.0.1', port: upstream.port },
      reuse: http1(),
      settleMs,
    })
    const server = createRelayServer({ upstream: pool })
    onTestFinished(async () => {
      await server.close({ graceMs: 0 })
      await pool.close({ graceMs: 0 })
    })
    const address = await server.listen('127.0.0.1:0')
    if ('path' in address) throw new Error('not a port')

    const foreign: string[] = []
    const outcomes = { own: 0, nothing: 0 }
    let next = 0
    const work = async (): Promise<void> => {
      for (let i = next++; i < SESSIONS; i = next++) {
        const received = await session(address.port, `s${i}`, random)
        const marks = received.match(/<[^>]*>?/g) ?? []
        const own = mark(`s${i}`, 1)
        if (marks.some((found, j) => found !== own && (j < marks.length - 1 || !own.startsWith(found)))) {
          foreign.push(`${own}: ${received}`)
        } else outcomes[marks.length > 0 ? 'own' : 'nothing']++
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, work))

    expect(foreign).toEqual([])
    const { lent } = pool.stats()
    // It was about something: many were answered, many on a connection that had served others, and each evil was done.
    expect(outcomes.own).toBeGreaterThan(SESSIONS / 3)
    expect(lent.reused).toBeGreaterThan(SESSIONS / 10)
    expect(Object.values(upstream.deeds).every((times) => times > SESSIONS / 500)).toBe(true)
    expect(Object.keys(upstream.deeds)).toHaveLength(16)
  }, 480_000)
}

/** One to three requests by a client that leaves anywhere in them, by FIN or reset; resolves with all it received. */
async function session(port: number, id: string, random: Random): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let received = ''
  socket.setEncoding('latin1')
  const gone = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  const requests = Array.from({ length: 1 + Math.floor(random(6) / 4) }, () => requestOf(id, random)).join('')
  // Half of all say all that they have to say.
  const sent = random(2) === 0 ? requests.length : random(requests.length + 1)
  const reset = random(3) === 0
  const wholeAnswer = random(3) > 0
  const leave = (): void => void (reset && !socket.writableEnded ? socket.resetAndDestroy() : socket.end())
  let expected = 1
  socket.on('data', (text: string) => {
    received += text
    if (wholeAnswer ? received.split('HTTP/1.1 2').length > expected && ended(received) : random(4) === 0)
      leave()
  })
  socket.on('connect', () => void say(socket, requests.slice(0, sent), sent < requests.length, random, leave))
  expected = requests.split('HTTP/1.1\r\n').length - 1
  // Not by a reset: one that meets a FIN on its way is refused by libuv, and the socket never closes.
  // Whoever was half answered gives up after a while, and is gone for good a little later. Turns of the loop are counted, which all three
  // share, and not the time: on a busy machine nobody would have been answered by then.
  const patience = 30 + random(5)
  let turns = 0
  const timer = setInterval(() => {
    turns++
    if (turns === patience) leave()
    if (turns === 70) socket.destroy()
  }, 10)
  await gone
  clearInterval(timer)
  return received
}

async function say(
  socket: Socket,
  text: string,
  hasMore: boolean,
  random: Random,
  leave: () => void,
): Promise<void> {
  for (let at = 0; at < text.length && !socket.destroyed; ) {
    const to = random(2) === 0 ? text.length : at + 1 + random(text.length)
    socket.write(text.slice(at, to))
    at = to
    if (random(3) === 0) await sleep(random(3))
  }
  if (hasMore || random(3) === 0) leave()
}

function requestOf(id: string, random: Random): string {
  const line = (method: string): string => `${method} /${id} HTTP/1.1\r\nHost: h\r\n`
  if (random(3) > 0) return `${line('GET')}\r\n`
  const body = mark(id, 1 + random(30))
  return `${line('POST')}Content-Length: ${body.length}\r\n\r\n${body}`
}

/** Whether it looks as if the last answer were whole. */
function ended(received: string): boolean {
  return received.endsWith('>') || received.endsWith('\r\n\r\n')
}

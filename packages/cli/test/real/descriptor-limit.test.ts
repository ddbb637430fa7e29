import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { bin } from '../support/spawn-relay.js'
import { Child } from './support/child.js'
import { echo, exchange, listen, open } from './support/node-peers.js'
import { describeWith, program } from './support/programs.js'
import { startRelay } from './support/relay-process.js'

const DESCRIPTORS = 256
const CLIENTS = 400
const LATER_CLIENTS = 100
const AT_ONCE = 20

describeWith(['prlimit'], 'relay forward with few descriptors', () => {
  test('of more clients than descriptors the surplus is closed and counted, and the next ones are served', async () => {
    const under = [program('prlimit'), `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`]
    const relay = await startRelay(`127.0.0.1:${await listen(echo)}`, { under })

    const sockets = Array.from({ length: CLIENTS }, () => open(relay.port))
    const answers = await Promise.all(sockets.map((socket, index) => firstAnswer(socket, `client ${index}`)))
    const served = answers.filter((answer, index) => answer === `client ${index}`).length
    const refused = answers.filter((answer) => answer === '').length
    expect(served + refused).toBe(CLIENTS)
    // Two descriptors for each session, and what Node itself needs.
    expect(served).toBeGreaterThan(DESCRIPTORS / 4)
    expect(served).toBeLessThan(DESCRIPTORS / 2)
    // None of those that have their echo was closed to make room, and none was reported as anything else.
    const rejected = await relay.ended(refused)
    expect(rejected.map(({ reason }) => reason)).toEqual(Array<string>(refused).fill('rejected'))
    console.log(
      `${DESCRIPTORS} descriptors, ${CLIENTS} clients at once: ${served} served, ${refused} rejected`,
    )

    for (const socket of sockets) socket.end()
    await relay.ended(CLIENTS)
    await relay.expectBaseline()

    for (let first = 0; first < LATER_CLIENTS; first += AT_ONCE) {
      const texts = Array.from({ length: AT_ONCE }, (_, index) => `later client ${first + index}`)
      const echoes = await Promise.all(texts.map((text) => exchange(relay.port, text)))
      expect(echoes).toEqual(texts.map((text) => ({ data: Buffer.from(text), ending: 'fin' })))
    }
    const later = (await relay.ended(CLIENTS + LATER_CLIENTS)).slice(refused)
    expect(new Set(later.map(({ reason }) => reason))).toEqual(new Set(['client-end']))
    await relay.expectCleanEnd()
  })
})

/** Sends a text, and resolves with the first answer, or with nothing when the connection ends without one. */
function firstAnswer(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    socket.once('end', () => resolve(''))
    socket.once('close', () => resolve(''))
  })
}

describeWith(['prlimit'], 'relay forward with more connections than descriptors', () => {
  const under = [program('prlimit'), `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`, process.execPath, bin]

  test.each([
    ['1000', 1],
    ['20', 0],
    ['0', 0],
  ])('--max-connections %s is warned of %d times', async (count, times) => {
    const flags = ['forward', '0', '9', '--max-connections', count, '--workers', '2']
    const [command = '', ...args] = [...under, ...flags]
    const relay = new Child(command, args)
    await relay.printed(({ stderr }) => stderr.includes('"listening"'))
    expect((await relay.stop()).code).toBe(0)
    const warnings = relay.stderr
      .split('\n')
      .filter((line) => line.includes('more connections than descriptors allow'))
    expect(warnings).toHaveLength(times)
  })
})

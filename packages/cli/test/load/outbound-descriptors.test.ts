import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { run } from '../real/support/child.js'
import { echo, exchange, listen, open, received } from '../real/support/node-peers.js'
import { describeWith, program } from '../real/support/programs.js'
import { startRelay } from '../real/support/relay-process.js'

const SESSIONS = 10

describeWith(['prlimit'], 'relay forward without a descriptor for the upstream', () => {
  test('resets that client as connect-failed, harms no other, and serves again when there is one', async () => {
    const upstream = `127.0.0.1:${await listen(echo)}`
    const relay = await startRelay(upstream, { flags: ['--max-connections', '0'] })
    // Two for each session, and one more: a client can be accepted, and no upstream dialed for it.
    await limit(relay.pid, 2 * SESSIONS + 1)
    const sockets = Array.from({ length: SESSIONS }, () => open(relay.port))
    for (const socket of sockets) expect(await answer(socket, 'before')).toBe('before')

    for (const count of [1, 2]) {
      expect((await received(open(relay.port))).ending).toBe('reset')
      expect((await relay.ended(count)).at(-1)).toMatchObject({
        reason: 'connect-failed',
        code: 'ERR_RELAY_CONNECT',
        error: expect.stringContaining('EMFILE'),
      })
    }

    for (const socket of sockets) expect(await answer(socket, 'after')).toBe('after')
    for (const socket of sockets) socket.end()
    await relay.ended(2 + SESSIONS)
    expect(await exchange(relay.port, 'again')).toEqual({ data: Buffer.from('again'), ending: 'fin' })
    const others = (await relay.ended(3 + SESSIONS)).slice(2)
    expect(new Set(others.map(({ reason }) => reason))).toEqual(new Set(['client-end']))
    await relay.expectCleanEnd()
  })
})

/** Lets a process open that many more descriptors, which take the lowest numbers that are free. */
async function limit(pid: number, more: number): Promise<void> {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let end = 0
  for (let free = 0; free < more; end++) if (!used.has(end)) free++
  await run(program('prlimit'), [`--pid=${pid}`, `--nofile=${end}:${end}`])
}

function answer(socket: Socket, question: string): Promise<string> {
  socket.write(question)
  return new Promise((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())))
}

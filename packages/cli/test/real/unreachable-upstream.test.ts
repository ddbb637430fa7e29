import { once } from 'node:events'
import { expect, test } from 'vitest'
import { Child } from './support/child.js'
import { echo, exchange, listen, open } from './support/node-peers.js'
import { startRelay } from './support/relay-process.js'
import { freePort } from './support/servers.js'

const NOTHING = { data: Buffer.alloc(0), ending: 'reset' }
const HELLO = { data: Buffer.from('hello'), ending: 'fin' }

test('a refused upstream resets the client, and the next one is served when it listens', async () => {
  const port = await freePort()
  const relay = await startRelay(`127.0.0.1:${port}`)
  expect(await exchange(relay.port, 'hello')).toEqual(NOTHING)
  expect(await relay.ended(1)).toEqual([
    expect.objectContaining({ reason: 'connect-failed', code: 'ERR_RELAY_CONNECT', up: 0, down: 0 }),
  ])
  await listen(echo, { port })
  expect(await exchange(relay.port, 'hello')).toEqual(HELLO)
  expect((await relay.ended(2))[1]).toMatchObject({ reason: 'client-end', up: 5, down: 5 })
  await relay.expectCleanEnd()
})

test.runIf(process.platform === 'linux')(
  'a black-holed upstream resets the client after --connect-timeout, and the next one is served when it answers',
  async () => {
    const upstream = await startBlackHole()
    const relay = await startRelay(`127.0.0.1:${upstream.port}`, { flags: ['--connect-timeout', '1s'] })
    const clients = await Promise.all([1, 2, 3].map(() => exchange(relay.port, 'hello')))
    expect(clients).toEqual([NOTHING, NOTHING, NOTHING])
    const timedOut = expect.objectContaining({ reason: 'connect-timeout', code: 'ERR_RELAY_CONNECT_TIMEOUT' })
    expect(await relay.ended(3)).toEqual([timedOut, timedOut, timedOut])
    await relay.expectBaseline()
    await upstream.wake()
    expect(await exchange(relay.port, 'hello')).toEqual(HELLO)
    expect((await relay.ended(4))[3]).toMatchObject({ reason: 'client-end', up: 5, down: 5 })
    await relay.expectCleanEnd()
  },
)

test('an upstream whose name does not resolve resets each client, and the relay lives', async () => {
  const relay = await startRelay('upstream.invalid:80', { flags: ['--connect-timeout', '2s'] })
  for (const count of [1, 2]) {
    expect(await exchange(relay.port, 'hello')).toEqual(NOTHING)
    const session = (await relay.ended(count))[count - 1]
    expect(session?.reason).toMatch(/^connect-(failed|timeout)$/)
  }
  // Where the name server is silent, a look-up takes as long as the resolver likes: no one can cancel it.
  await relay.expectBaseline(40_000)
  await relay.expectCleanEnd()
}, 60_000)

test('a unix socket that does not exist ends the session as connect-failed', async () => {
  const relay = await startRelay('unix:/nonexistent/relay.sock')
  expect(await exchange(relay.port, 'hello')).toEqual(NOTHING)
  expect((await relay.ended(1))[0]).toMatchObject({ reason: 'connect-failed' })
  await relay.expectCleanEnd()
})

// It listens, then blocks on its standard input: nobody accepts, until a line comes.
const SLEEPER = `
  const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket).on('error', () => {}))
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    require('node:fs').writeSync(1, server.address().port + '\\n')
    require('node:fs').readSync(0, Buffer.alloc(1))
  })
`

/** An upstream whose accept queue is full: Linux drops every further SYN, as a firewall would. */
async function startBlackHole(): Promise<{ port: number; wake(): Promise<void> }> {
  const child = new Child(process.execPath, ['-e', SLEEPER], { openInput: true })
  await child.printed(({ stdout }) => stdout.includes('\n'))
  const port = Number(child.stdout.toString())
  // The queue holds one more than the backlog.
  const queued = [open(port), open(port)]
  await Promise.all(queued.map((socket) => once(socket, 'connect')))
  return {
    port,
    async wake() {
      await child.write('\n')
      // A SYN that comes before the queue is empty would be dropped like the others.
      for (const socket of queued) socket.write('awake?')
      await Promise.all(queued.map((socket) => once(socket, 'data')))
    },
  }
}

import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { startEcho } from '../src/echo-server.js'
import { run } from '../src/main.js'
import { ask } from './support/ask.js'
import { fakeIo } from './support/fake-io.js'
import { echoPort, forward } from './support/forward.js'
import { portOf } from './support/spawn-relay.js'

test('the ready line has the real addresses', async () => {
  const upstream = await echoPort()
  const { ready, port } = await forward(upstream)
  expect(port).toBeGreaterThan(0)
  expect(ready).toEqual({
    level: 'info',
    time: expect.any(String),
    listen: `127.0.0.1:${port}`,
    upstream: `127.0.0.1:${upstream}`,
    msg: 'listening',
  })
})

test('a session is relayed, and its end is one line', async () => {
  const { io, port } = await forward(await echoPort())
  expect(await ask(port, 'hello')).toBe('hello')
  expect(await io.err.message('session closed')).toEqual({
    level: 'info',
    time: expect.any(String),
    id: expect.any(String),
    client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    reason: 'client-end',
    up: 5,
    down: 5,
    durationMs: expect.any(Number),
    firstByteMs: expect.any(Number),
    msg: 'session closed',
  })
})

test('a session that fails is a warning with its side, its phase, its code and why', async () => {
  const closed = await startEcho({ host: '127.0.0.1', port: 0 })
  await closed.close()
  const { io, port } = await forward(`${'port' in closed.address && closed.address.port}`)
  await ask(port, 'hello').catch(() => {})
  const line = await io.err.message('session closed')
  expect(line).toMatchObject({ level: 'warn', reason: 'connect-failed', up: 0, down: 0 })
  expect(line).toMatchObject({ side: 'upstream', phase: 'connect' })
  expect(line.code).toMatch(/^ERR_RELAY_/)
  expect(line.error).toMatch(/ECONNREFUSED/)
})

test('the totals come last, and a clean stop is 0', async () => {
  const { io, exit, port } = await forward(await echoPort())
  await ask(port, 'hello')
  await ask(port, 'again!')
  io.send('SIGTERM')
  expect(await exit).toBe(0)
  expect(JSON.parse(io.err.all.at(-1) ?? '')).toMatchObject({
    msg: 'stopped',
    signal: 'SIGTERM',
    accepted: 2,
    rejected: 0,
    closed: { 'client-end': 2 },
    up: 11,
    down: 11,
  })
  expect(io.out.all).toEqual([])
})

test('what a reader far behind made it drop is counted, and the totals still come last', async () => {
  const io = fakeIo()
  let readOn: (() => void) | undefined
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      io.err.add(`${chunk}`)
      if (chunk.length > 1024 * 1024) readOn = done
      else done()
    },
  })
  const exit = run(['forward', '0', await echoPort(), '--drain', '0'], { ...io, stderr })
  const client = connect(portOf((await io.err.message('listening')).listen)).on('error', () => {})
  client.write('x')
  await once(client, 'data')
  stderr.write(`${'x'.repeat(1024 * 1024)}\n`)
  io.send('SIGTERM')
  await new Promise((resolve) => client.on('close', resolve))
  readOn?.()
  expect(await exit).toBe(0)
  expect(io.err.all.slice(-2).map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'log lines dropped', lines: 2 },
    { msg: 'stopped', closed: { draining: 1 } },
  ])
})

test('--max-connections turns the surplus away, and says so', async () => {
  const { io, port } = await forward(await echoPort(), '--max-connections', '1')
  const first = connect(port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => {
    first.destroy()
  })
  first.write('x')
  await new Promise((resolve) => first.once('data', resolve))
  await ask(port, 'hello').catch(() => {})
  expect(await io.err.message('session closed')).toMatchObject({ level: 'warn', reason: 'rejected' })
})

test('--access-log - moves the session lines to stdout', async () => {
  const { io, exit, port } = await forward(await echoPort(), '--access-log', '-')
  await ask(port, 'hello')
  expect(await io.out.message('session closed')).toMatchObject({ reason: 'client-end' })
  io.send('SIGINT')
  expect(await exit).toBe(0)
  expect(io.err.all.filter((line) => line.includes('session closed'))).toEqual([])
})

test('--access-log off writes no session line, and the totals all the same', async () => {
  const { io, exit, port } = await forward(await echoPort(), '--access-log', 'off')
  await ask(port, 'hello')
  io.send('SIGTERM')
  expect(await exit).toBe(0)
  expect(io.err.all.filter((line) => line.includes('session closed'))).toEqual([])
  expect(await io.err.message('stopped')).toMatchObject({ closed: { 'client-end': 1 } })
})

test('--access-log FILE grows a file by the session lines', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'access.log')
  const upstream = await echoPort()
  for (const question of ['one', 'three']) {
    const { io, exit, port } = await forward(upstream, '--access-log', file)
    await ask(port, question)
    io.send('SIGTERM')
    expect(await exit).toBe(0)
  }
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).up)).toEqual([3, 5])
})

test('an access log that fails later is reported, and the relay goes on', async () => {
  const { io, port } = await forward(await echoPort(), '--access-log', '/dev/full')
  expect(await ask(port, 'hello')).toBe('hello')
  expect(await io.err.message('access log stopped')).toMatchObject({ level: 'error', file: '/dev/full' })
  expect(await ask(port, 'hello')).toBe('hello')
})

test('--drain 0 cuts what runs, and the stop is clean', async () => {
  const { io, exit, port } = await forward(await echoPort(), '--drain', '0')
  const client = connect(port, '127.0.0.1').on('error', () => {})
  client.write('x')
  await new Promise((resolve) => client.once('data', resolve))
  io.send('SIGTERM')
  expect(await exit).toBe(0)
  expect(await io.err.message('draining')).toMatchObject({ signal: 'SIGTERM', active: 1, drainMs: 0 })
  expect(await io.err.message('session closed')).toMatchObject({ level: 'warn', reason: 'draining' })
})

/** Accepts, and never says or ends anything. */
async function silentPort(): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}).resume())
  })
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

test.each([
  ['--idle-timeout 50ms', '', 'stays', 'idle-timeout'],
  ['--max-duration 50ms', '', 'stays', 'max-duration'],
  ['--linger 50ms', '', 'ends', 'linger-timeout'],
  ['--half-close close', '', 'ends', 'client-end'],
  ['--connect-timeout 50ms', 'tls://', 'stays', 'connect-timeout'], // no TLS handshake ever comes back
])(
  '%s, before %sa silent upstream, of a client that %s: %s',
  { timeout: 4_000 },
  async (options, scheme, client, reason) => {
    const { io, port } = await forward(`${scheme}127.0.0.1:${await silentPort()}`, ...options.split(' '))
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
    onTestFinished(() => {
      socket.destroy()
    })
    if (client === 'ends') socket.end()
    expect(await io.err.message('session closed')).toMatchObject({ reason })
  },
)

test('listens on and connects to unix sockets', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const upstream = await startEcho({ path: join(folder, 'echo') })
  onTestFinished(() => upstream.close())
  const io = fakeIo()
  const exit = run(['forward', `unix:${folder}/relay`, `unix:${folder}/echo`], io)
  expect(await io.err.message('listening')).toMatchObject({ listen: `unix:${folder}/relay` })
  expect(await ask(join(folder, 'relay'), 'hello')).toBe('hello')
  io.send('SIGTERM')
  expect(await exit).toBe(0)
})

import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { run } from '../src/main.js'
import { ask } from './support/ask.js'
import { fakeIo } from './support/fake-io.js'
import { portOf } from './support/spawn-relay.js'

async function echo() {
  const io = fakeIo()
  const exit = run(['echo', '0'], io)
  onTestFinished(async () => {
    io.send('SIGTERM')
    await exit
  })
  return { io, exit, port: portOf((await io.err.message('listening')).listen) }
}

function client(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => {
    socket.destroy()
  })
  return socket
}

test('echoes all that came before the FIN, then sends its own', async () => {
  const { port } = await echo()
  expect(await ask(port, 'x'.repeat(1_000_000))).toHaveLength(1_000_000)
})

test('holds a client back that does not read', async () => {
  const { port } = await echo()
  const socket = client(port)
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  let sent = 0
  while (sent < 64 && (socket.write(chunk) || socket.writableLength < 32 * chunk.length)) {
    sent += 1
    await setImmediate()
  }
  expect(socket.writableLength).toBeGreaterThan(0)
  socket.end()
  expect((await buffer(socket)).length).toBe((sent + 1) * chunk.length)
})

test('lives on after a reset, and counts what came', async () => {
  const { io, exit, port } = await echo()
  const socket = client(port)
  socket.write('x')
  await new Promise((resolve) => socket.once('data', resolve))
  socket.resetAndDestroy()
  expect(await ask(port, 'still there')).toBe('still there')
  io.send('SIGINT')
  expect(await exit).toBe(0)
  expect(await io.err.message('stopped')).toMatchObject({ accepted: 2, bytes: 12 })
})

test('a stop does not wait for who is still connected', async () => {
  const { io, exit, port } = await echo()
  const socket = client(port)
  socket.write('x')
  await new Promise((resolve) => socket.once('data', resolve))
  io.send('SIGTERM')
  expect(await exit).toBe(0)
})

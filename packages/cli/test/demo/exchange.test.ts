import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { exchange } from '../../src/demo/exchange.js'

async function upstream(serve: (socket: Socket) => void): Promise<{ host: string; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket.on('error', () => {})))
  onTestFinished(() => {
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

const hello = [Buffer.from('hel'), Buffer.from('lo')]

test.each([true, false])('counts what went and came (FIN after the answer: %s)', async (waitForAnswer) => {
  const echo = await upstream((socket) => socket.pipe(socket))
  const result = await exchange(echo, { send: hello, expect: hello, waitForAnswer })
  expect(result).toEqual({ sent: 5, received: 5, ms: expect.any(Number) })
})

test.each([
  ['one byte is another', 'hellO', 5],
  ['one is missing', 'hell', 4],
  ['one is too many', 'hello!', 6],
  ['none comes', '', 0],
])('fails when %s', async (_name, answer, bytes) => {
  const liar = await upstream((socket) => socket.resume().once('end', () => socket.end(answer)))
  const wrong = exchange(liar, { send: hello, expect: hello })
  await expect(wrong).rejects.toThrow(`the answer differs: ${bytes} bytes came, 5 were expected`)
})

test('fails when a reset comes instead of a FIN', async () => {
  const broken = await upstream((socket) => {
    socket.write('hello')
    socket.resume().once('end', () => socket.resetAndDestroy())
  })
  await expect(exchange(broken, { send: hello, expect: hello })).rejects.toThrow()
})

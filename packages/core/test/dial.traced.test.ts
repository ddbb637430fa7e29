import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { dial } from '../src/dial.js'

const CHANNEL = 'net.client.socket'

test.each(['TCP', 'unix'])('whoever traces sockets hears of a dial over %s once', async (transport) => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-traced-'))
  const server = createServer((socket) => socket.resume())
  server.listen(transport === 'unix' ? { path: join(folder, 's') } : { host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const heard: unknown[] = []
  const hear = (message: unknown): void => void heard.push((message as { socket: unknown }).socket)
  subscribe(CHANNEL, hear)
  onTestFinished(() => {
    unsubscribe(CHANNEL, hear)
    server.close()
    rmSync(folder, { recursive: true })
  })

  const found = server.address()
  const address =
    typeof found === 'object' && found !== null
      ? { host: '127.0.0.1', port: found.port }
      : { path: found as string }
  const { socket } = await dial({ address, connectTimeoutMs: 0 }, new AbortController().signal)
  expect(heard).toEqual([socket])
  socket.destroy()
})

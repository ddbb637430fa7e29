import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Child, run } from './support/child.js'
import { echo, exchange, listen } from './support/node-peers.js'
import { describeWith, program } from './support/programs.js'
import { startRelay } from './support/relay-process.js'
import { temporaryDirectory } from './support/servers.js'

const DATA = randomBytes(3 * 1024 * 1024)

describe('unix sockets through relay forward', () => {
  test('bytes and FIN go there and back', async () => {
    const [front, back] = socketPaths()
    await listen(echo, { path: back })
    const relay = await startRelay(`unix:${back}`, { listen: `unix:${front}` })
    expect(relay.listen).toBe(`unix:${front}`)
    const { data, ending } = await exchange(front, DATA)
    expect(ending).toBe('fin')
    expect(data.equals(DATA)).toBe(true)
    const line = { reason: 'client-end', up: DATA.length, down: DATA.length }
    expect(await relay.ended(1)).toEqual([expect.objectContaining(line)])
    await relay.expectCleanEnd()
    expect(existsSync(front)).toBe(false)
  })

  test('a TCP client reaches a unix upstream, and a unix client a TCP upstream', async () => {
    const [front, back] = socketPaths()
    await listen(echo, { path: back })
    const toUnix = await startRelay(`unix:${back}`)
    const toTcp = await startRelay(`127.0.0.1:${toUnix.port}`, { listen: `unix:${front}` })
    expect((await exchange(front, DATA)).data.equals(DATA)).toBe(true)
    for (const relay of [toTcp, toUnix]) {
      expect((await relay.ended(1))[0]).toMatchObject({ reason: 'client-end', up: DATA.length })
      await relay.expectCleanEnd()
    }
  })
})

describeWith(['ncat'], 'unix sockets through relay forward, with ncat', () => {
  test('ncat -U on both sides: what one sends, the other prints', async () => {
    const [front, back] = socketPaths()
    const server = new Child(program('ncat'), ['-v', '-U', '--listen', back], { input: 'from the upstream' })
    await server.printed(({ stderr }) => stderr.includes(`Listening on ${back}`))
    const relay = await startRelay(`unix:${back}`, { listen: `unix:${front}` })
    const client = await run(program('ncat'), ['-U', front], { input: 'from the client' })
    await server.exit
    expect(client.stdout.toString()).toBe('from the upstream')
    expect(server.stdout.toString()).toBe('from the client')
    expect(await relay.ended(1)).toHaveLength(1)
    await relay.expectCleanEnd()
  })
})

function socketPaths(): [front: string, back: string] {
  const folder = temporaryDirectory()
  return [join(folder, 'front.sock'), join(folder, 'back.sock')]
}

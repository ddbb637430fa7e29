import { randomBytes } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { Child, run } from './support/child.js'
import { describeWith, program } from './support/programs.js'
import { inOrderOfStart, startRelay } from './support/relay-process.js'
import { freePort, startServer, temporaryDirectory } from './support/servers.js'

const MIB = 1024 * 1024
const CLIENTS = 50

describeWith(['redis-server', 'redis-cli', 'redis-benchmark'], 'redis through relay forward', () => {
  let redisPort = 0

  beforeAll(async () => {
    redisPort = await freePort()
    const settings = ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    await startServer(redisPort, program('redis-server'), [...settings, '--dir', temporaryDirectory()])
  })

  function redisCli(port: number, args: readonly string[], input: string | Buffer = ''): Promise<Child> {
    return run(program('redis-cli'), ['-p', `${port}`, ...args], { input })
  }

  test('a value of 1 MiB comes back as it was set', async () => {
    const relay = await startRelay(`127.0.0.1:${redisPort}`)
    const value = randomBytes(MIB)
    expect((await redisCli(relay.port, ['-x', 'SET', 'value'], value)).stdout.toString()).toBe('OK\n')
    const { stdout } = await redisCli(relay.port, ['--raw', 'GET', 'value'])
    // redis-cli ends what it prints with a newline.
    expect(stdout.equals(Buffer.concat([value, Buffer.from('\n')]))).toBe(true)
    const [set, get] = inOrderOfStart(await relay.ended(2))
    expect(set?.up).toBeGreaterThan(MIB)
    expect(set).toMatchObject({ reason: 'client-end', down: '+OK\r\n'.length })
    expect(get).toMatchObject({ reason: 'client-end', down: `$${MIB}\r\n\r\n`.length + MIB })
    await relay.expectCleanEnd()
  })

  test('100,000 pipelined commands get 100,000 replies', async () => {
    const relay = await startRelay(`127.0.0.1:${redisPort}`)
    const commands = Array.from({ length: 100_000 }, (_, index) => `SET pipe:${index} ${index}\r\n`).join('')
    const { stdout } = await redisCli(relay.port, ['--pipe'], commands)
    expect(stdout.toString()).toContain('errors: 0, replies: 100000\n')
    expect((await redisCli(redisPort, ['GET', 'pipe:99999'])).stdout.toString()).toBe('99999\n')
    await relay.ended(1)
    await relay.expectCleanEnd()
  })

  test('a subscriber receives what another session publishes', async () => {
    const relay = await startRelay(`127.0.0.1:${redisPort}`)
    const subscriber = new Child(program('redis-cli'), ['-p', `${relay.port}`, 'SUBSCRIBE', 'news'])
    await subscriber.printed(({ stdout }) => stdout.toString() === 'subscribe\nnews\n1\n')
    const { stdout } = await redisCli(relay.port, ['PUBLISH', 'news', 'something happened'])
    expect(stdout.toString()).toBe('1\n')
    await subscriber.printed((child) =>
      child.stdout.toString().endsWith('message\nnews\nsomething happened\n'),
    )
    await subscriber.stop()
    expect((await relay.ended(2)).map(({ reason }) => reason)).toEqual(['client-end', 'client-end'])
    await relay.expectCleanEnd()
  })

  for (const flags of [[], ['-P', '16', '-d', '1024']]) {
    test(`${['redis-benchmark', ...flags].join(' ')} completes, and every session ends with its client's FIN`, async () => {
      const relay = await startRelay(`127.0.0.1:${redisPort}`)
      const workload = ['-n', '20000', '-c', `${CLIENTS}`, '-t', 'get,set', ...flags]
      const { stdout } = await run(program('redis-benchmark'), ['-p', `${relay.port}`, '-q', ...workload])
      for (const name of ['SET', 'GET']) expect(stdout.toString()).toMatch(`${name}: `)
      expect(stdout.toString().match(/requests per second/g)).toHaveLength(2)
      // Each of the two tests opens its clients anew.
      const sessions = await relay.ended(2 * CLIENTS)
      expect(new Set(sessions.map(({ reason }) => reason))).toEqual(new Set(['client-end']))
      await relay.expectCleanEnd()
    })
  }
})

import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Child, run } from './support/child.js'
import { describeWith, program } from './support/programs.js'
import { startRelay } from './support/relay-process.js'
import { freePort, startServer, temporaryDirectory } from './support/servers.js'
import { settingNames, startStaged } from './support/staged-relays.js'

describeWith(['redis-server', 'redis-cli', 'redis-benchmark'], 'redis through stages', () => {
  let redisPort = 0

  beforeAll(async () => {
    redisPort = await freePort()
    const settings = ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    await startServer(redisPort, program('redis-server'), [...settings, '--dir', temporaryDirectory()])
  })

  function redisCli(port: number, args: readonly string[], input: string | Buffer = ''): Promise<Child> {
    return run(program('redis-cli'), ['-p', `${port}`, ...args], { input })
  }

  describe.each(settingNames)('%s', (setting) => {
    test('a value comes back as it was set', async () => {
      const relays = await startStaged(setting, redisPort)
      const value = randomBytes(setting.includes('single bytes') ? 32 * 1024 : 1024 * 1024)
      const { stdout } = await redisCli(relays.port, ['-x', 'SET', 'value'], value)
      expect(stdout.toString()).toBe('OK\n')
      const got = await redisCli(relays.port, ['--raw', 'GET', 'value'])
      expect(got.stdout.equals(Buffer.concat([value, Buffer.from('\n')]))).toBe(true)
      await relays.near.ended(2)
      await relays.far.ended(2)
      await relays.expectCleanEnd()
    })

    test('redis-benchmark completes, pipelined', async () => {
      const relays = await startStaged(setting, redisPort)
      const workload = ['-n', '2000', '-c', '20', '-P', '8', '-t', 'get,set', '-q']
      const { stdout } = await run(program('redis-benchmark'), ['-p', `${relays.port}`, ...workload])
      expect(stdout.toString().match(/requests per second/g)).toHaveLength(2)
      const sessions = await relays.near.ended(40)
      expect(new Set(sessions.map(({ reason }) => reason))).toEqual(new Set(['client-end']))
      await relays.far.ended(40)
      await relays.expectCleanEnd()
    })
  })

  test('connections are reused behind a stage', async () => {
    const flags = ['--reuse', 'redis', '--stage', 'pass', '--stage', 'replace:before=behind']
    const relay = await startRelay(`127.0.0.1:${redisPort}`, { flags })
    const before = await connections()
    await redisCli(relay.port, ['SET', 'word', 'before'])
    for (let ended = 1; ended <= 5; ended += 1) {
      // A session gives its connection back as it ends, which may be after its client is gone.
      await relay.ended(ended)
      expect((await redisCli(relay.port, ['GET', 'word'])).stdout.toString()).toBe('behind\n')
    }
    await relay.ended(6)
    expect((await redisCli(redisPort, ['GET', 'word'])).stdout.toString()).toBe('behind\n')
    // The relay's one, and the two that asked past it.
    expect((await connections()) - before).toBe(3)
    expect(await relay.stop()).toBe(0)
  })

  async function connections(): Promise<number> {
    const { stdout } = await redisCli(redisPort, ['INFO', 'stats'])
    return Number(/total_connections_received:(\d+)/.exec(stdout.toString())?.[1])
  }
})

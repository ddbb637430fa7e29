import { createRelayServer, dialer } from '@relay/core'
import { checkStage, runStage } from '@relay/core/testing'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { redisLatency } from '../../../../examples/redis-latency-stage.js'
import { Child, run } from './support/child.js'
import { describeWith, program } from './support/programs.js'
import { freePort, startServer, temporaryDirectory } from './support/servers.js'

/** What a line tells: the command, and its milliseconds or words. */
function parse(line: string): [name: string, what: string] {
  const [, name = '', what = ''] = /^\S+ (\S+?):? (.*)$/.exec(line) ?? []
  return [name, what]
}

const command = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

describe('the redis-latency example', () => {
  const requests = [
    command('SET', 'k', '*1\r\n$4\r\nPING\r\n'),
    command('MGET', 'k', 'none'),
    command('PING'),
  ]
  const replies = [
    '+OK\r\n',
    '*2\r\n$14\r\n*1\r\n$4\r\nPING\r\n\r\n$-1\r\n',
    '>2\r\n+a\r\n+b\r\n%1\r\n+k\r\n*0\r\n',
  ]

  test('lets every byte pass, whatever the cut', () =>
    checkStage({
      stage: () => redisLatency(() => {}),
      examples: [
        { direction: 'up', input: requests.join('') },
        { direction: 'down', input: replies.join('') },
      ],
    }))

  test.each([1, 2, 3, 7, 1_000])('finds each command and its answer in chunks of %i', async (bytes) => {
    const cut = (text: string): string[] => text.match(new RegExp(`[^]{1,${bytes}}`, 'g')) ?? []
    const lines: string[] = []
    await runStage(
      redisLatency((line) => lines.push(line)),
      { up: cut(requests.join('')), down: cut(replies.join('')) },
    )
    expect(lines.map(parse).map(([name]) => name)).toEqual(['SET', 'MGET', 'PING'])
  })

  test.each([
    ['a secret', command('AUTH', 'hunter2'), 'AUTH'],
    ['what would drive a terminal', command('GET\x1b[2J', 'k'), 'GET'],
  ])('shows no %s', async (_what, request, shown) => {
    const lines: string[] = []
    await runStage(
      redisLatency((line) => lines.push(line)),
      { up: [request], down: ['+OK\r\n'] },
    )
    expect(lines.map((line) => line.replace(/^\S+ | [\d.]+ ms$/g, ''))).toEqual([shown])
  })
})

describeWith(['redis-server', 'redis-cli'], 'redis through the redis-latency example', () => {
  let redisPort = 0

  beforeAll(async () => {
    redisPort = await freePort()
    const settings = ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    await startServer(redisPort, program('redis-server'), [...settings, '--dir', temporaryDirectory()])
  })

  async function logged(): Promise<{ port: number; lines: string[]; waitFor(text: string): Promise<void> }> {
    const lines: string[] = []
    const server = createRelayServer({
      upstream: dialer({ host: '127.0.0.1', port: redisPort }),
      stages: [redisLatency((line) => lines.push(line))],
    })
    onTestFinished(() => server.close({ graceMs: 0 }))
    const address = await server.listen('127.0.0.1:0')
    const waitFor = (text: string): Promise<void> => expect.poll(() => lines.join('\n')).toContain(text)
    return { port: 'port' in address ? address.port : 0, lines, waitFor }
  }

  test.each(['-2', '-3'])(
    'tells each command in order, also behind answers within answers (redis-cli %s)',
    async (protocol) => {
      const { port, lines } = await logged()
      const input = [
        'DEL l',
        'RPUSH l a b c',
        'LRANGE l 0 -1',
        'EVAL "return {1,{2,{\'x\'}},false}" 0',
        'COMMAND DOCS GET',
        'HGETALL nothing',
        'NOSUCH',
        'COMMAND',
        'PING',
      ]
      const { stdout } = await run(program('redis-cli'), ['-p', `${port}`, protocol], {
        input: input.join('\n'),
      })
      expect(stdout.toString().trimEnd().endsWith('PONG')).toBe(true)
      const names = lines.map(parse).map(([name]) => name)
      const asked = input.map((line) => line.split(' ')[0])
      // It says HELLO, and asks for the commands that there are, on its own.
      expect(names.slice(-asked.length)).toEqual(asked)
    },
  )

  test('a pipeline of thousands is matched one by one', async () => {
    const { port, lines } = await logged()
    const input = Array.from({ length: 5_000 }, (_, index) =>
      command(index % 2 ? 'SET' : 'INCR', `k${index}`, ...(index % 2 ? ['v'] : [])),
    )
    await run(program('redis-cli'), ['-p', `${port}`, '--pipe'], { input: input.join('') })
    const names = lines.map(parse).map(([name]) => name)
    // redis-cli ends its pipe with an ECHO of its own.
    expect(names.slice(0, 5_000)).toEqual(input.map((_, index) => (index % 2 ? 'SET' : 'INCR')))
    expect(names.slice(5_000)).toEqual(['ECHO'])
  })

  test('a command that blocks is seen to have taken as long as it blocked, and the next one has not', async () => {
    const { port, lines } = await logged()
    await run(program('redis-cli'), ['-p', `${port}`], { input: 'BLPOP nothing 0.2\nPING' })
    const [[name, blocked] = [], [next] = []] = lines.map(parse).slice(-2)
    expect([name, next]).toEqual(['BLPOP', 'PING'])
    // Redis looks at its clock once in a while, and never too early.
    expect(Number.parseFloat(blocked ?? '')).toBeGreaterThan(190)
  })

  test('a subscriber gets what is published, and the log says that it does not follow', async () => {
    const { port, waitFor } = await logged()
    const subscriber = new Child(program('redis-cli'), ['-p', `${port}`, 'SUBSCRIBE', 'news'])
    await subscriber.printed(({ stdout }) => stdout.toString().includes('news\n1\n'))
    await run(program('redis-cli'), ['-p', `${port}`, 'PUBLISH', 'news', 'hello'])
    await subscriber.printed(({ stdout }) => stdout.toString().endsWith('message\nnews\nhello\n'))
    await waitFor('SUBSCRIBE: not followed from here on')
    await waitFor(' PUBLISH ')
    await subscriber.stop()
  })
})

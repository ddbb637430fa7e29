import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Address } from '../../src/address.js'
import { dialer } from '../../src/dialer.js'
import { createRelayServer, type RelayServer, type RelayServerOptions } from '../../src/server.js'
import { SessionStages } from '../../src/session-stages.js'
import { flushable, type Stage, type StageContext } from '../../src/stage.js'
import { runStage } from '../../src/testing/index.js'
import { sha256 } from '../support/peer.js'
import { client, echo, upstream } from '../support/upstream.js'

const boom = (): never => {
  throw new Error('boom')
}

async function serve(options: Omit<RelayServerOptions, 'upstream'>): Promise<RelayServer> {
  const up = await upstream(echo)
  const server = createRelayServer({ upstream: dialer(up.target), ...options })
  onTestFinished(() => server.close({ graceMs: 0 }))
  await server.listen('127.0.0.1:0')
  return server
}

describe('a stage', () => {
  test('meets up bytes in the order of the list, and down bytes in the other', async () => {
    const mark = (name: string): Stage => ({
      name,
      up: () => (chunk) => `${chunk}${name}`,
      down: () => (chunk) => `${chunk}${name}`,
    })
    const { up, down } = await runStage([mark('1'), mark('2'), mark('3')], { up: ['>'], down: ['<'] })
    expect([up.toString(), down.toString()]).toEqual(['>123', '<321'])
  })

  test('is made anew for each session, and shares one closure between both directions of it', async () => {
    const counting: Stage = {
      name: 'count',
      open() {
        let seen = 0
        return {
          up(chunk) {
            void chunk
            return (bytes: Buffer) => {
              seen += bytes.length
              return bytes
            }
          },
          down: () => (bytes) => `${bytes}${seen}`,
        }
      },
    }
    for (const word of ['four', 'eleven more']) {
      const { down } = await runStage(counting, { up: [word], down: [''], options: {} })
      expect(down.toString()).toBe('')
      const answered = await runStage(counting, { up: [word], down: ['seen '] })
      expect(answered.down.toString()).toBe(`seen ${word.length}`)
    }
  })

  test('knows its direction and its session, and hears when that is over', async () => {
    const contexts: StageContext[] = []
    const server = await serve({
      stages: [
        {
          name: 'knows',
          up: (context) => void contexts.push(context),
          down: (context) => void contexts.push(context),
        },
      ],
    })
    const peer = await client(server.address)
    await peer.write('x')
    await peer.arrived(1)
    const [session] = server.sessions()
    expect(contexts.map(({ direction }) => direction)).toEqual(['up', 'down'])
    expect(contexts[0]?.session.id).toBe(session?.id)
    const aborted = vi.fn()
    contexts[0]?.signal.addEventListener('abort', aborted)
    expect(contexts[1]?.signal).toBe(contexts[0]?.signal)
    peer.end()
    await peer.received
    await server.close()
    expect(aborted).toHaveBeenCalledOnce()
  })

  test('gets a signal of its own, in a copy of its context as well, by a getter that is not', () => {
    const contexts: StageContext[] = []
    const [client, listen] = [0, 1].map((port) => ({ host: '127.0.0.1', port })) as [Address, Address]
    const info = { id: 'one', client, listen, startedAt: 0 }
    const up = (context: StageContext): undefined => void contexts.push(context)
    for (let session = 0; session < 2; session++) new SessionStages([{ name: 'keeps', up }], info)
    const [one, other] = contexts as [StageContext, StageContext]
    expect({ ...one }.signal).toBe(one.signal)
    expect(one.signal).not.toBe(other.signal)
    // V8 allocates each accessor as old: what only it leads to would be kept until the next full collection.
    const getter = (context: object) => Object.getOwnPropertyDescriptor(context, 'signal')?.get
    expect(getter(one)).toBeTypeOf('function')
    expect(getter(one)).toBe(getter(other))
  })

  test('asked for its signal late gets one that is aborted', async () => {
    let context: StageContext | undefined
    await runStage({
      name: 'late',
      up(given) {
        context = given
        return undefined
      },
    })
    expect(context?.signal.aborted).toBe(true)
  })

  test.each(['a FIN', 'a reset', 'a kill', 'a stage that fails'])(
    'cleans up once, after %s',
    async (ending) => {
      const closed = vi.fn()
      const aborted = vi.fn()
      const returned = vi.fn()
      const stream = new PassThrough()
      const server = await serve({
        lingerMs: 200,
        stages: [
          {
            name: 'cleans',
            open: () => ({
              up: () => [
                flushable(
                  (chunk: Buffer) => chunk,
                  () => Buffer.alloc(0),
                  aborted,
                ),
                async function* (chunk: Buffer) {
                  try {
                    yield chunk
                    if (ending !== 'a FIN')
                      yield await new Promise<never>((_, reject) => waiting.push(reject))
                  } finally {
                    returned()
                  }
                },
                stream,
              ],
              close: closed,
            }),
          },
          { name: 'fails', up: () => (chunk) => (chunk.includes('fail') ? boom() : chunk) },
        ],
      })
      const waiting: ((reason: Error) => void)[] = []
      const peer = await client(server.address)
      await peer.write(ending === 'a stage that fails' ? 'fail' : 'x')
      if (ending !== 'a stage that fails') await peer.arrived(1)
      if (ending === 'a FIN') peer.end()
      if (ending === 'a reset') peer.reset()
      if (ending === 'a kill') server.kill(server.sessions()[0]?.id as string)
      await peer.received
      await server.close()
      for (const reject of waiting) reject(new Error('given up'))
      await new Promise(setImmediate)
      expect(closed).toHaveBeenCalledOnce()
      expect(aborted).toHaveBeenCalledTimes(ending === 'a FIN' ? 0 : 1)
      expect(returned).toHaveBeenCalledOnce()
      expect(stream.destroyed).toBe(true)
    },
  )

  test('whose close throws harms nobody, and does not go unseen', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => warning.mockRestore())
    const after = vi.fn()
    const { result } = await runStage([
      {
        name: 'throws',
        open: () => ({
          close() {
            throw new Error('boom')
          },
        }),
      },
      { name: 'after', open: () => ({ close: after }) },
    ])
    expect(result.reason).toBe('client-end')
    expect(after).toHaveBeenCalledOnce()
    expect(warning).toHaveBeenCalledWith(expect.objectContaining({ message: 'boom' }))
  })

  test('holds back the FIN until it has given its tail, and the answer still comes', async () => {
    let release = (): void => {}
    const server = await serve({
      stages: [
        {
          name: 'slow tail',
          up: () =>
            flushable(
              (chunk) => chunk,
              () => new Promise<string>((resolve) => (release = () => resolve(' tail'))),
            ),
        },
      ],
    })
    const peer = await client(server.address)
    peer.end('head')
    await peer.arrived(4)
    await expect.poll(() => release.length).toBe(0)
    release()
    expect(await peer.received).toEqual({ bytes: 9, hash: sha256('head tail'), ending: 'fin' })
  })
})

const passing = (): undefined => undefined

describe('server.stages.replace', () => {
  test('serves new sessions, and leaves live ones as they are', async () => {
    const upper: Stage = { name: 'upper', up: () => (chunk) => chunk.toString().toUpperCase() }
    const server = await serve({})
    const old = await client(server.address)
    await old.write('old ')
    await old.arrived(4)
    server.stages.replace([upper])
    const young = await client(server.address)
    young.end('young')
    expect((await young.received).hash).toBe(sha256('YOUNG'))
    old.end('stays')
    expect((await old.received).hash).toBe(sha256('old stays'))
    expect(server.stages.current).toEqual([upper])
  })

  test.each([
    ['upper', /"stages" to be an array of stages, got 'upper'/],
    [[{ name: 'empty' }], /each a stage with "up", "down" or "open" \(see \[0\]\)/],
    [[{ up: passing }], /each a stage with a "name" that is text \(see \[0\]\)/],
    [[{ name: 'x', up: 'y' }], /each a stage whose "up" is a function \(see \[0\]\)/],
    [[{ name: 'x', open: () => ({}), up: passing }], /either "open" or "up" and "down"/],
  ])('refuses %j', async (stages, message) => {
    const server = await serve({})
    expect(() => server.stages.replace(stages as never)).toThrow(message)
    expect(() =>
      createRelayServer({ upstream: dialer({ host: '127.0.0.1', port: 1 }), stages: stages as never }),
    ).toThrow(message)
  })
})

test('bytes pass a slow stage whole, many sessions at once', async () => {
  const server = await serve({
    stages: [
      { name: 'async', up: () => async (chunk) => chunk, down: () => new PassThrough() },
      {
        name: 'generator',
        down: () =>
          function* (chunk) {
            for (let start = 0; start < chunk.length; start += 1_000)
              yield chunk.subarray(start, start + 1_000)
          },
      },
    ],
  })
  const data = randomBytes(2 * 1024 * 1024)
  const peers = await Promise.all(Array.from({ length: 20 }, () => client(server.address)))
  for (const peer of peers) peer.end(data)
  const received = await Promise.all(peers.map((peer) => peer.received))
  expect(received).toEqual(peers.map(() => ({ bytes: data.length, hash: sha256(data), ending: 'fin' })))
})

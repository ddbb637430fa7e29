import { PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { composeStages } from '../../src/compose-stages.js'
import { dialer } from '../../src/dialer.js'
import { createRelayServer } from '../../src/server.js'
import { flushable, type OpenStage, type Stage, type Steps } from '../../src/stage.js'
import { runStage, type StageRun } from '../../src/testing/index.js'
import { client, echo, upstream } from '../support/upstream.js'
import { warnings } from '../support/warnings.js'

const boom = (): never => {
  throw new Error('boom')
}
const stage = (parts: object): Stage => ({ name: 'wrong', ...parts }) as Stage
const same = (chunk: Buffer): Buffer => chunk
/** What throws whatever is done with it. */
const untouchable = (): object =>
  new Proxy(new Error('hidden'), { get: boom, has: boom, getPrototypeOf: boom, ownKeys: boom })

async function expectRefused(stages: Stage | Stage[], message: RegExp): Promise<StageRun> {
  const outcome = await runStage(stages, { up: ['secret'], down: ['secret'] })
  expect(outcome.result).toMatchObject({
    reason: 'stage-error',
    error: { code: 'ERR_RELAY_STAGE', message: expect.stringMatching(message) },
  })
  expect([outcome.up.length, outcome.down.length]).toEqual([0, 0])
  return outcome
}

describe('what open returns', () => {
  test.each([
    ['an object without a direction', {}],
    ['a misspelled direction', { upp: () => same }],
    ['a Map', new Map()],
    ['a stage that has to be opened in its turn', stage({ open: () => ({ up: () => boom }) })],
    [
      'what throws when it is asked whether it is a promise',
      Object.defineProperty({}, 'then', { get: boom }),
    ],
  ])('is refused when it is %s', async (_what, opened) => {
    await expectRefused(
      stage({ open: () => opened }),
      /expected "open" to return an object with "up" or "down"/,
    )
  })

  test('is refused when nothing can be asked of it', async () => {
    await expectRefused(stage({ open: untouchable }), /failed: /)
  })

  test('may be the stage itself, which is closed then', async () => {
    let closed = 0
    const self = stage({
      open() {
        return this
      },
      close: () => void closed++,
    })
    const { result } = await runStage(self)
    expect([result.reason, closed]).toEqual(['client-end', 1])
  })

  test('is closed when it is refused, also when it comes late', async () => {
    const closed: string[] = []
    const closing = (name: string, more: object = {}): object => ({
      close: () => void closed.push(name),
      ...more,
    })
    await expectRefused(stage({ open: () => closing('now', { up: 5 }) }), /whose "up" is a function, got 5/)
    await expectRefused(stage({ open: async () => closing('late') }), /at once/)
    await expect.poll(() => closed).toEqual(['now', 'late'])
  })

  test('names the member that is a promise, whose rejection is nobody’s', async () => {
    const up = Promise.reject(new Error('lost'))
    await expectRefused(stage({ open: () => ({ up }) }), /whose "up" is a function, got Promise/)
  })
})

describe('a stage', () => {
  test('whose name cannot be told is named by its place', async () => {
    let told = 0
    const nameless = Object.defineProperty(stage({ up: () => same }), 'name', {
      get: () => (told++ === 0 ? 'once' : boom()),
    })
    const { result } = await expectRefused(
      [stage({ up: () => same }), nameless],
      /stage "#2" \(up\) failed: boom/,
    )
    expect(result.stage).toEqual({ name: '#2', direction: 'up' })
  })

  test('that is frozen, or behind a proxy, works as any other', async () => {
    const upper = { name: 'upper', up: () => (chunk: Buffer) => `${chunk}`.toUpperCase() }
    const { up } = await runStage([Object.freeze(upper), new Proxy({ ...upper }, {})], { up: ['x'] })
    expect(up.toString()).toBe('X')
  })

  test('whose step is a function that cannot be looked at lets nothing pass', async () => {
    const step = new Proxy(same, { get: boom })
    const { result } = await expectRefused(
      [stage({ down: () => same }), { name: 'proxied', up: () => step }],
      /failed: boom/,
    )
    expect(result.stage).toEqual({ name: 'proxied', direction: 'up' })
  })
})

describe('streams that were made for a session that cannot begin are destroyed', () => {
  const failing = (): PassThrough =>
    new PassThrough({ destroy: (_error, done) => done(new Error('said by the destroyed stream')) })

  test.each<[string, (stream: Steps) => Stage[]]>([
    ['beside what is no step', (stream) => [stage({ up: () => [stream, [5]] })]],
    ['beside a promise', (stream) => [stage({ up: () => [stream, Promise.reject(new Error('lost'))] })]],
    ['which come late', (stream) => [stage({ up: async () => stream })]],
    [
      'before a stage that cannot be opened',
      (stream) => [stage({ up: () => stream }), stage({ open: boom })],
    ],
    ['before the other direction fails', (stream) => [stage({ up: () => stream, down: boom })]],
    [
      'by the first part of a composed stage',
      (stream) => [composeStages(stage({ up: () => stream }), stage({ up: boom }))],
    ],
  ])('%s', async (_where, stages) => {
    const stream = failing()
    await expectRefused(stages(stream), /failed: /)
    await expect.poll(() => stream.closed).toBe(true)
  })
})

test('a stream that two sessions are given serves the first alone', async () => {
  const up = await upstream(echo)
  const shared = new PassThrough()
  const server = createRelayServer({
    upstream: dialer(up.target),
    stages: [stage({ up: () => shared })],
  })
  onTestFinished(() => server.close({ graceMs: 0 }))
  const address = await server.listen('127.0.0.1:0')
  const [first, second] = [await client(address), await client(address)]
  await first.write('mine')
  await first.arrived(4)
  expect(await second.received).toMatchObject({ bytes: 0, ending: 'reset' })
  first.end('!')
  expect(await first.received).toMatchObject({ bytes: 5, ending: 'fin' })
})

describe('a step', () => {
  const thenable = (then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void) => ({
    then,
  })

  test('may return a promise of another make, and the next chunk waits for it', async () => {
    let first = true
    const slow = () => (chunk: Buffer) => {
      if (!first) return chunk
      first = false
      return thenable((resolve) => {
        setImmediate(() => {
          resolve(chunk)
          resolve('again')
        })
      })
    }
    const { up } = await runStage(stage({ up: slow }), { up: ['one ', 'two'] })
    expect(up.toString()).toBe('one two')
  })

  test.each<[string, () => unknown]>([
    [
      'a promise of another make that rejects late',
      () => thenable((_, reject) => setImmediate(reject, 'late')),
    ],
    ['a promise that throws when it is asked for', () => thenable(boom)],
    ['a promise whose then cannot be had', () => Object.defineProperty({}, 'then', { get: boom })],
    ['an iterator that gives nothing', () => ({ next: () => undefined })],
    ['what cannot be looked at', untouchable],
  ])('that returns %s ends its session', async (_what, step) => {
    await expectRefused(stage({ up: () => step, down: () => step }), /failed: /)
  })

  test.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['what has no text', () => Object.create(null)],
    ['what cannot be looked at', untouchable],
    ['an error without a message', () => new RangeError()],
  ])('that throws or rejects with %s ends its session', async (_what, thrown) => {
    const throwing = (): never => {
      throw thrown()
    }
    for (const step of [throwing, async () => throwing()]) {
      await expectRefused(stage({ up: () => step }), /failed: ./)
    }
  })
})

test('an asynchronous generator that throws when its session is over harms nobody', async () => {
  let fail = (_reason: Error): void => {}
  const waits = (): Steps =>
    async function* (chunk) {
      yield chunk
      await new Promise<never>((_, reject) => (fail = reject))
    }
  const { result } = await runStage(stage({ up: waits }), { up: ['x'], options: { maxDurationMs: 100 } })
  expect(result.reason).toBe('max-duration')
  fail(new Error('too late'))
  await new Promise(setImmediate)
})

test('an ending that throws what cannot be shown is a warning that can', async () => {
  const said = warnings()
  const endings: OpenStage[] = [
    {
      close: () => {
        throw untouchable()
      },
    },
    { close: () => Promise.reject(Object.assign(new Error('x'), { toString: boom })) as never },
  ]
  const step = flushable(
    same,
    () => 'tail',
    () => {
      throw null
    },
  )
  const stages = endings.map((opened) => stage({ open: () => opened }))
  const broken = stage({ down: () => boom })
  await runStage([stage({ up: () => step }), ...stages, broken], {
    up: ['x'],
    down: ['y'],
    options: { maxDurationMs: 100 },
  })
  await expect.poll(() => said.map(String)).toHaveLength(2)
  expect(said.every((warning) => warning instanceof Error)).toBe(true)
})

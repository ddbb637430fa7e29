import { Duplex, PassThrough, Transform } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { RelayResult } from '../../src/close-reason.js'
import { dialer } from '../../src/dialer.js'
import { createRelayServer } from '../../src/server.js'
import { type Direction, flushable, type Stage, type Steps, stop } from '../../src/stage.js'
import { runStage } from '../../src/testing/index.js'
import { client, echo, upstream } from '../support/upstream.js'

const boom = (): never => {
  throw new Error('boom')
}

// What a stage can do wrong, and what its session's error says.
const FAILURES: Readonly<Record<string, [() => Steps, RegExp]>> = {
  'a factory that throws': [boom, /failed: boom/],
  'a factory that returns what is no step': [
    () => 'text' as never,
    /each step to be a function or a Duplex, got 'text'/,
  ],
  'a function that throws': [() => boom, /failed: boom/],
  'a function that rejects': [() => async () => boom(), /failed: boom/],
  'a generator that throws': [
    () =>
      // biome-ignore lint/correctness/useYield: it never gets there
      function* () {
        boom()
      },
    /failed: boom/,
  ],
  'an asynchronous generator that throws after it gave something': [
    () =>
      async function* (chunk) {
        yield chunk
        boom()
      },
    /failed: boom/,
  ],
  'a tail that throws': [() => flushable((chunk) => chunk, boom), /failed: boom/],
  'a tail that rejects': [
    () =>
      flushable(
        (chunk) => chunk,
        async () => boom(),
      ),
    /failed: boom/,
  ],
  'a stream that fails': [
    () => new Transform({ transform: (_chunk, _encoding, done) => done(new Error('boom')) }),
    /failed: boom/,
  ],
  'a stream that throws': [() => new Transform({ transform: boom }), /failed: boom/],
  'a stream that destroys itself': [
    () =>
      new Transform({
        transform() {
          this.destroy()
        },
      }),
    /closed before its end/,
  ],
  'a stream that was used before': [() => new PassThrough().destroy(), /has been used before/],
  'a stream that gives more after its end': [
    () =>
      new Transform({
        transform(chunk, _encoding, done) {
          this.push(chunk)
          this.push(null)
          this.push('more')
          done()
        },
      }),
    /push\(\) after EOF/,
  ],
  'a number for bytes': [() => () => 5 as never, /expected bytes or text, got 5/],
  'a promise of an object': [() => async () => ({}) as never, /expected bytes or text, got \{\}/],
  'a stream of objects': [
    () =>
      new Transform({
        readableObjectMode: true,
        transform: (_chunk, _encoding, done) => done(null, { a: 1 }),
      }),
    /expected bytes or text, got \{ a: 1 \}/,
  ],
  'a failure between two other steps': [() => [(chunk) => chunk, boom, new PassThrough()], /failed: boom/],
}

const NEVER: Readonly<Record<string, () => Steps>> = {
  'a tail that never comes': () =>
    flushable(
      (chunk) => chunk,
      () => new Promise(() => {}),
    ),
  'a function whose promise never settles': () => () => new Promise<never>(() => {}),
  'a stream that never ends': () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }),
}

describe.each(['up', 'down'] as const)('%s', (direction) => {
  describe.each(Object.entries(FAILURES))('%s', (_kind, [steps, message]) => {
    test('ends its session as stage-error, and names the stage', async () => {
      const { result } = await runStage(bad(direction, steps), { [direction]: ['some', 'bytes'] })
      expect(result).toMatchObject({
        reason: 'stage-error',
        stage: { name: 'bad', direction },
        error: { code: 'ERR_RELAY_STAGE', message: expect.stringMatching(message) },
      })
      expect(result.error?.message).toContain(`stage "bad" (${direction})`)
    })
  })

  test.each(Object.entries(NEVER))(
    '%s ends its session as stage-error when nothing has moved for lingerMs',
    async (_kind, steps) => {
      const { result } = await runStage(bad(direction, steps), {
        [direction]: ['x'],
        options: { lingerMs: 500 },
      })
      expect(result).toMatchObject({
        reason: 'stage-error',
        stage: { name: 'bad', direction },
        error: { message: `stage "bad" (${direction}) is not done with what it was given` },
      })
    },
  )

  test('a session that fails resets its peers, and no other session notices', async () => {
    const up = await upstream(echo)
    const results: RelayResult[] = []
    const fails: Stage = {
      name: 'bad',
      [direction]: () => (chunk: Buffer) => (chunk.includes('bad') ? boom() : chunk),
    }
    const server = createRelayServer({
      upstream: dialer(up.target),
      stages: [fails],
      onClose: (_info, result) => results.push(result),
    })
    onTestFinished(() => server.close({ graceMs: 0 }))
    const address = await server.listen('127.0.0.1:0')
    const [good, bad] = [await client(address), await client(address)]
    await good.write('one ')
    await good.arrived(4)
    await bad.write('bad')
    expect((await bad.received).ending).toBe('reset')
    good.end('two')
    expect(await good.received).toMatchObject({ bytes: 7, ending: 'fin' })
    await server.close()
    expect(results.map(({ reason }) => reason)).toEqual(['stage-error', 'client-end'])
    expect(server.stats().closed).toEqual({ 'stage-error': 1, 'client-end': 1 })
  })

  test('a stage that ends before its input delivers what it gave, and both sides end by FIN', async () => {
    const up = await upstream(echo)
    const results: RelayResult[] = []
    const enough: Stage = {
      name: 'enough',
      [direction]: () => [
        function* (chunk: Buffer) {
          yield chunk.subarray(0, 3)
          yield stop
        },
        flushable(
          (chunk) => chunk,
          () => '!',
        ),
      ],
    }
    const server = createRelayServer({
      upstream: dialer(up.target),
      stages: [enough],
      onClose: (_info, result) => results.push(result),
    })
    onTestFinished(() => server.close({ graceMs: 0 }))
    const peer = await client(await server.listen('127.0.0.1:0'))
    await peer.write('and much more')
    const received = await peer.received
    expect(received.ending).toBe('fin')
    if (direction === 'down') expect(received.bytes).toBe(4)
    await server.close()
    expect(results).toMatchObject([{ reason: 'stage-end', stage: { name: 'enough', direction } }])
    expect(results[0]?.[direction].bytes).toBe(4)
  })

  test('a stream that ends before its input does the same', async () => {
    const { result, ...received } = await runStage(
      bad(
        direction,
        () =>
          new Transform({
            transform(chunk, _encoding, done) {
              this.push(chunk)
              this.push(null)
              done()
            },
          }),
      ),
      { [direction]: ['first', 'second'] },
    )
    expect(result).toMatchObject({ reason: 'stage-end', stage: { name: 'bad', direction } })
    expect(received[direction].toString()).toBe('first')
  })
})

test('what open throws ends the session before a byte, and closes what was open', async () => {
  const closed: string[] = []
  const opens = (name: string): Stage => ({ name, open: () => ({ close: () => void closed.push(name) }) })
  const { result } = await runStage([opens('first'), { name: 'second', open: boom }, opens('third')], {
    up: ['x'],
  })
  expect(result).toMatchObject({ reason: 'stage-error', stage: { name: 'second' }, up: { bytes: 0 } })
  expect(closed).toEqual(['first'])
})

function bad(direction: Direction, steps: unknown): Stage {
  return { name: 'bad', [direction]: steps as () => Steps }
}

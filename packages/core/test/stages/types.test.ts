import { PassThrough, Transform } from 'node:stream'
import { expect, test } from 'vitest'
import { defineStage, flushable, many, none, type Stage, stop } from '../../src/index.js'
import type { ThrottleStage } from '../../src/stages/index.js'

// What the compiler takes, and what it refuses: a line under @ts-expect-error that compiles is an error of `npm run check`.

/** Every kind of step. */
const TAKEN: readonly Stage[] = [
  defineStage({ name: 'bytes', up: () => (chunk) => chunk.subarray(1) }),
  defineStage({ name: 'Uint8Array', up: () => (chunk) => new Uint8Array(chunk) }),
  defineStage({ name: 'text', up: () => (chunk) => chunk.toString() }),
  defineStage({ name: 'several', up: () => (chunk) => many([chunk, 'text', new Uint8Array(1)]) }),
  defineStage({ name: 'nothing', up: () => () => none, down: () => () => undefined }),
  defineStage({ name: 'nothing at all', up: () => () => {} }),
  defineStage({ name: 'the end', up: () => (chunk) => (chunk.length > 9 ? stop : chunk) }),
  defineStage({ name: 'a promise', up: () => async (chunk) => chunk }),
  defineStage({ name: 'a promise of either', up: () => async (chunk) => (chunk.length > 9 ? none : 'text') }),
  defineStage({
    name: 'a generator',
    up: () =>
      function* (chunk) {
        yield chunk
        yield 'text'
        yield stop
      },
  }),
  defineStage({
    name: 'an asynchronous generator',
    up: () =>
      async function* (chunk) {
        yield chunk
        yield many(['a', 'b'])
      },
  }),
  defineStage({
    name: 'a Transform',
    up: () => new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) }),
  }),
  defineStage({
    name: 'a list',
    up: () => [(chunk) => chunk, new PassThrough(), async (chunk) => `${chunk}`],
  }),
  defineStage({
    name: 'a tail',
    up: () =>
      flushable(
        (chunk: Buffer): Buffer | string => chunk,
        () => 'tail',
        () => {},
      ),
  }),
  defineStage({ name: 'it lets pass', up: () => undefined }),
  defineStage({
    name: 'its context',
    up: ({ direction, session, signal }) => {
      const known: ['up' | 'down', string, boolean] = [direction, session.id, signal.aborted]
      return (chunk) => `${known}${chunk}`
    },
  }),
  defineStage({
    name: 'both directions share',
    open({ client }) {
      let seen = 0
      return {
        up: () => (chunk) => {
          seen += chunk.length
          return chunk
        },
        down: () => (chunk) => `${JSON.stringify(client)} ${seen} ${chunk}`,
        close() {
          seen = 0
        },
      }
    },
  }),
  // A module need not import anything of ours.
  { name: 'plain', down: () => (chunk: Buffer) => chunk },
]

test('every stage that the compiler takes is one', () => {
  expect(TAKEN.map(({ name }) => name).length).toBe(new Set(TAKEN.map(({ name }) => name)).size)
})

test('what the compiler refuses is no stage', () => {
  // @ts-expect-error: a number is no bytes
  defineStage({ name: 'x', up: () => () => 5 })
  // @ts-expect-error: nor is the promise of one
  defineStage({ name: 'x', up: () => async () => 5 })
  // @ts-expect-error: nor what a generator yields
  defineStage({ name: 'x', up: () => function* () { yield 5 } }) // biome-ignore format: one line, to be refused as a whole
  // @ts-expect-error: a chunk is a Buffer
  defineStage({ name: 'x', up: () => (chunk: string) => chunk })
  // @ts-expect-error: several values are bytes or text, each
  many([1])
  // @ts-expect-error: a factory returns steps, not what steps return
  defineStage({ name: 'x', up: () => 'text' })
  // @ts-expect-error: an array of them holds steps alone
  defineStage({ name: 'x', up: () => [(chunk) => chunk, 'text'] })
  // @ts-expect-error: settings have names and units
  const rate: Parameters<ThrottleStage['set']>[0] = { rate: 5 }
  expect(rate).toBeDefined()

  // @ts-expect-error: a session's log names its stages
  expect(() => defineStage({ up: () => undefined })).toThrow(TypeError)
  // @ts-expect-error: a wrong direction does nothing
  expect(() => defineStage({ name: 'x', upwards: () => undefined })).toThrow(TypeError)
  // @ts-expect-error: a direction is a factory
  expect(() => defineStage({ name: 'x', up: 'text' })).toThrow(TypeError)
  // @ts-expect-error: a stream serves one session, and is made for it
  expect(() => defineStage({ name: 'x', up: new PassThrough() })).toThrow(TypeError)
})

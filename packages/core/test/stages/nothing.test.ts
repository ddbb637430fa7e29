import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { flushable, many, none, type Steps, type StepValue, stepList } from '../../src/stage.js'
import { runStage } from '../../src/testing/index.js'

// A step that lets nothing out may say so in many ways, and none of them may reach the step behind it.
const NOTHING: Readonly<Record<string, StepValue>> = {
  undefined: undefined,
  null: null,
  none,
  'an empty many': many([]),
  'many of nothing': many(['', new Uint8Array()]),
  'empty text': '',
  'empty bytes': new Uint8Array(),
}

const GIVEN: Readonly<Record<string, (nothing: StepValue) => Steps>> = {
  'a function': (nothing) => (chunk) => (chunk.includes('drop') ? nothing : chunk),
  'an asynchronous function': (nothing) => async (chunk) => (chunk.includes('drop') ? nothing : chunk),
  'a generator': (nothing) =>
    function* (chunk) {
      yield nothing
      if (!chunk.includes('drop')) yield chunk
      yield nothing
    },
  'an asynchronous generator': (nothing) =>
    async function* (chunk) {
      yield nothing
      if (!chunk.includes('drop')) yield chunk
      yield nothing
    },
  'a tail': (nothing) =>
    flushable(
      (chunk) => (chunk.includes('drop') ? nothing : chunk),
      () => nothing,
    ),
  'an asynchronous tail': (nothing) =>
    flushable(
      async (chunk) => (chunk.includes('drop') ? nothing : chunk),
      async () => nothing,
    ),
  'a tail that is a generator': (nothing) =>
    flushable(
      (chunk) => (chunk.includes('drop') ? nothing : chunk),
      function* () {
        yield nothing
      },
    ),
}

const BEHIND: Readonly<Record<string, () => Steps>> = {
  nothing: () => undefined,
  'a function': () => (chunk) => {
    expect(chunk.length).toBeGreaterThan(0)
    return chunk
  },
  'two functions, one of them with a tail': () => [
    flushable((chunk) => chunk),
    async (chunk) => {
      expect(chunk.length).toBeGreaterThan(0)
      return chunk
    },
  ],
  'a stream': () => new PassThrough(),
}

describe.each(Object.entries(NOTHING))('%s', (_what, nothing) => {
  describe.each(Object.entries(GIVEN))('from %s', (_kind, make) => {
    test.each(Object.entries(BEHIND))('lets nothing out, with %s behind it', async (_behind, behind) => {
      // In one stage, where functions in a row run as one, and in two.
      const together = { name: 'both', up: (): Steps => [make(nothing), behind()].flatMap(stepList) }
      const apart = [
        { name: 'drops', up: () => make(nothing) },
        { name: 'behind', up: behind },
      ]
      for (const stages of [[together], apart]) {
        const { up, result } = await runStage(stages, { up: ['one ', 'drop', 'two'] })
        expect([up.toString(), result.reason]).toEqual(['one two', 'client-end'])
      }
    })
  })
})

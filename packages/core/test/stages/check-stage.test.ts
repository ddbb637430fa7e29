import { describe, expect, onTestFinished, test } from 'vitest'
import { flushable, type Stage, type Steps } from '../../src/stage.js'
import { checkStage, type StageCheck } from '../../src/testing/index.js'
import { seed } from '../support/random.js'
import { warnings } from '../support/warnings.js'

const input = 'one line\nand another\n'.repeat(50)

// What authors get wrong, and what the kit says of it.
const BAD: Readonly<Record<string, [steps: () => Steps, message: RegExp, check?: Partial<StageCheck>]>> = {
  'loses its tail': [
    () => {
      let kept: Buffer = Buffer.alloc(0)
      return (chunk) => {
        const all = Buffer.concat([kept, chunk])
        kept = all.subarray(-3)
        return Buffer.from(all.subarray(0, -3))
      }
    },
    /expected 1050 bytes .* got 1047/,
  ],
  'takes a chunk for a line': [
    () => (chunk) => (chunk.toString().startsWith('one') ? chunk : chunk.toString().replace('and', 'AND')),
    /expected 1050 bytes .* got 1050, different from byte \d+ on/,
  ],
  'takes bytes for characters': [
    () => (chunk) => chunk.toString(),
    /expected 400 bytes .* got \d+, different from byte 0 on/,
    { runs: 0 },
  ],
  'gives what it keeps in the wrong order': [
    () => {
      let first: Buffer | undefined
      return flushable(
        (chunk: Buffer) => {
          const second = first === undefined ? undefined : chunk
          first ??= chunk
          return second
        },
        () => first,
      )
    },
    /different from byte 0 on/,
  ],
  'holds all that it gets': [
    () => {
      const all: Buffer[] = []
      return flushable(
        (chunk: Buffer): Buffer | undefined => void all.push(chunk),
        () => Buffer.concat(all),
      )
    },
    /held \d{7} bytes for a consumer that takes nothing, more than 262144/,
  ],
  'leaves a timer': [
    () => {
      const timer = setTimeout(() => {}, 60_000)
      onTestFinished(() => clearTimeout(timer))
      return (chunk) => chunk
    },
    /a session that was cut has left something open: .*Timeout/,
  ],
  'throws at a chunk of one byte': [
    () => (chunk) => {
      if (chunk.length === 1) throw new Error('too short')
      return chunk
    },
    /the session ended as stage-error for 1050 chunks/,
  ],
  'accepts what is declared broken': [
    () => (chunk) => chunk,
    /expected broken input to end the session as stage-error, got client-end/,
    { broken: [{ direction: 'up', input: 'nonsense' }] },
  ],
}

describe.each(['up', 'down'] as const)('%s', (direction) => {
  test.each(Object.entries(BAD))('a stage is found that %s', async (kind, [steps, message, more = {}]) => {
    const stage: Stage = { name: 'bad', [direction]: steps }
    const example = kind === 'takes bytes for characters' ? Buffer.from('é'.repeat(200)) : Buffer.from(input)
    const broken = more.broken?.map((one) => ({ ...one, direction }))
    const check = {
      stage: () => stage,
      runs: 5,
      seed,
      ...more,
      broken,
      examples: [{ direction, input: example }],
    }
    const error = await checkStage(check).then(
      () => expect.fail('nothing was found'),
      (reason: unknown) => reason as Error,
    )
    expect(error.message).toMatch(message)
    expect(error.message).toContain(`stage "bad" (${direction}): `)
  })

  test('a stage that is right in the other direction alone is found', async () => {
    const stage: Stage = { name: 'bad', [direction === 'up' ? 'down' : 'up']: () => () => 'other' }
    await checkStage({ stage: () => stage, examples: [{ direction, input }], runs: 1, seed })
    const wrong = checkStage({
      stage: () => stage,
      examples: [{ direction, input, output: 'other' }],
      runs: 1,
    })
    await expect(wrong).rejects.toThrow(`stage "bad" (${direction}): `)
  })
})

test('the seed of a failure is in its message, and repeats it', async () => {
  const stage: Stage = { name: 'bad', up: () => (chunk) => (chunk.length === 7 ? 'seven' : chunk) }
  const messages = await Promise.all(
    [1, 2].map(() =>
      checkStage({ stage: () => stage, examples: [{ direction: 'up', input }], seed: 42 }).then(
        () => 'nothing was found',
        (error: Error) => error.message,
      ),
    ),
  )
  expect(messages[0]).toContain('(seed 42)')
  expect(messages[1]).toBe(messages[0])
})

test('a check without an example is refused', async () => {
  await expect(checkStage({ stage: () => ({ name: 'x' }), examples: [] })).rejects.toThrow(/"examples"/)
})

describe('a stage is found', () => {
  const wrong = (parts: object): Stage => ({ name: 'bad', ...parts }) as Stage
  const letsPass = { up: () => (chunk: Buffer) => chunk }
  const late = async (): Promise<never> => {
    throw new Error('late')
  }
  const found = (stage: Stage): Promise<string> =>
    checkStage({ stage: () => stage, examples: [{ direction: 'up', input }], runs: 1, seed }).then(
      () => 'nothing was found',
      (error: Error) => error.message,
    )

  test.each<[string, Stage, RegExp]>([
    [
      'whose open is async',
      wrong({ open: async () => letsPass }),
      /expected "open" to return at once, got a promise/,
    ],
    [
      'whose open waits for something',
      wrong({ open: () => new Promise((resolve) => setTimeout(resolve, 60_000, letsPass).unref()) }),
      /expected "open" to return at once, got a promise/,
    ],
    ['whose open rejects', wrong({ open: late }), /expected "open" to return at once, got a promise/],
    ['whose open returns nothing', wrong({ open: () => {} }), /expected "open" to return .*, got undefined/],
    ['whose up is async', wrong({ up: async () => letsPass.up() }), /expected "up" to return at once/],
    ['whose down is async', wrong({ down: late }), /expected "down" to return at once/],
  ])('%s', async (_how, stage, message) => {
    const said = await found(stage)
    expect(said).toMatch(message)
    expect(said).toMatch(/^stage "bad" \(up\): the session ended as stage-error: /)
  })

  test.each<[string, Stage]>([
    ['close that rejects', wrong({ open: () => ({ ...letsPass, close: late }) })],
    [
      'close that throws',
      wrong({
        open: () => ({
          ...letsPass,
          close() {
            throw new Error('late')
          },
        }),
      }),
    ],
    [
      'flushable whose abort rejects',
      wrong({
        up: () =>
          flushable(
            (chunk) => chunk,
            () => 'x',
            late as never,
          ),
      }),
    ],
  ])('that has a %s', async (_how, stage) => {
    const said = warnings()
    expect(await found(stage)).toBe('stage "bad" (up): what it does when its session is over failed: late')
    expect(said.length).toBeGreaterThan(0)
  })
})

import { describe, expect, test } from 'vitest'
import { composeStages } from '../../src/compose-stages.js'
import { flushable, type Stage } from '../../src/stage.js'
import { checkStage } from '../../src/testing/check-stage.js'
import { runStage } from '../../src/testing/run-stage.js'
import { warnings } from '../support/warnings.js'

const wrong = (parts: object): Stage => ({ name: 'wrong', ...parts }) as Stage
const rejected = (): Promise<never> => Promise.reject(new Error('nobody waits for this'))
const filter = { up: () => () => undefined, down: () => () => undefined }

const makers: [string, Stage, RegExp][] = [
  ['whose open is async', wrong({ open: async () => filter }), /"open" to return at once, got a promise/],
  ['whose open rejects', wrong({ open: rejected }), /"open" to return at once/],
  [
    'whose open returns nothing',
    wrong({ open: () => {} }),
    /"open" to return \{ up\?, down\?, close\? \}, got undefined/,
  ],
  ['whose open returns null', wrong({ open: () => null }), /got null/],
  ['whose open returns a function', wrong({ open: () => () => undefined }), /got \[Function/],
  ['whose open returns a list', wrong({ open: () => [filter.up] }), /"open" to return/],
  [
    'whose open returns what has no function for up',
    wrong({ open: () => ({ up: filter }) }),
    /whose "up" is a function/,
  ],
  [
    'whose open throws',
    wrong({
      open: () => {
        throw new Error('no')
      },
    }),
    /failed: no/,
  ],
  [
    'whose open throws nothing',
    wrong({
      open: () => {
        throw undefined
      },
    }),
    /failed: undefined/,
  ],
  [
    'whose open throws what has no text',
    wrong({
      open: () => {
        throw Object.create(null)
      },
    }),
    /failed: /,
  ],
  ['whose up is async', wrong({ up: async () => () => undefined }), /"up" to return at once, got a promise/],
  ['whose up rejects', wrong({ up: rejected }), /"up" to return at once/],
  ['whose steps are promises', wrong({ up: () => [rejected()] }), /"up" to return at once/],
  ['whose steps are no steps', wrong({ up: () => 'upper' }), /each step to be a function or a Duplex/],
  ['whose down is async', wrong({ down: async () => () => undefined }), /\(down\).*"down" to return at once/],
  [
    'that opens with a down that is async',
    wrong({ open: () => ({ down: rejected }) }),
    /"down" to return at once/,
  ],
]

describe.each(makers)('a stage %s', (_how, stage, message) => {
  test('ends its session as stage-error, and lets no byte pass', async () => {
    const { up, down, result } = await runStage(stage, { up: ['secret'], down: ['secret'] })
    expect(result.reason).toBe('stage-error')
    expect(result.error?.message).toMatch(message)
    expect(result.stage?.name).toBe('wrong')
    expect([up.length, down.length]).toEqual([0, 0])
  })

  test('does so as a part of a composed one', async () => {
    const composed = composeStages(wrong({ up: () => (chunk: Buffer) => chunk }), stage)
    const { up, result } = await runStage(composed, { up: ['secret'] })
    expect(result.reason).toBe('stage-error')
    expect(up.length).toBe(0)
  })

  test('is caught by checkStage', async () => {
    await expect(
      checkStage({ stage: () => stage, examples: [{ direction: 'up', input: 'secret' }] }),
    ).rejects.toThrow()
  })
})

describe('what a stage does at the end of its session', () => {
  test.each([
    [
      'an abort that throws',
      () =>
        flushable(
          (chunk) => chunk,
          undefined,
          () => {
            throw new Error('late')
          },
        ),
    ],
    ['an abort that rejects', () => flushable((chunk) => chunk, undefined, rejected as never)],
  ])('%s is said, and every other part is still ended', async (_how, step) => {
    const said = warnings()
    const ended: string[] = []
    const good: Stage = {
      name: 'good',
      open: () => ({
        up: () =>
          flushable(
            (chunk) => chunk,
            undefined,
            () => void ended.push('abort'),
          ),
        close: () => void ended.push('close'),
      }),
    }
    const stop: Stage = {
      name: 'stop',
      up: () => () => {
        throw new Error('over')
      },
    }
    const { result } = await runStage([good, wrong({ up: step }), good, stop], {
      up: ['x'],
      down: ['y'],
      options: { maxDurationMs: 200 },
    })
    expect(result.reason).toBe('stage-error')
    await expect.poll(() => ended.filter((end) => end === 'close').length).toBe(2)
    await expect.poll(() => said.length).toBeGreaterThan(0)
  })

  test('a close that throws or rejects is said, and ends nothing else', async () => {
    const said = warnings()
    const closing = (close: () => unknown): Stage => ({
      name: 'closing',
      open: () => ({ close: close as () => void }),
    })
    const { result } = await runStage(
      [
        closing(() => {
          throw new Error('one')
        }),
        closing(rejected),
      ],
      { up: ['x'], down: ['y'] },
    )
    expect(result.reason).toBe('client-end')
    await expect.poll(() => said.length).toBe(2)
  })
})

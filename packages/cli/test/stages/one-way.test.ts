import type { Stage } from '@relay/core'
import { runStage } from '@relay/core/testing'
import { describe, expect, test } from 'vitest'
import { oneWay } from '../../src/stages/one-way.js'

const upper = (chunk: Buffer): string => `${chunk}`.toUpperCase()
const blocks = (): (() => never) => () => {
  throw new Error('blocked')
}

describe.each(['up', 'down'] as const)('of one way, %s', (direction) => {
  const other = direction === 'up' ? 'down' : 'up'

  test.each<[string, Stage]>([
    ['two directions', { name: 'both', up: () => upper, down: () => upper }],
    ['a session to open', { name: 'both', open: () => ({ up: () => upper, down: () => upper }) }],
  ])('a stage with %s changes nothing the other way', async (_what, stage) => {
    const { result, ...received } = await runStage(oneWay(stage, direction), {
      up: ['ask'],
      down: ['answer'],
    })
    expect(result.reason).toBe('client-end')
    const sent = { up: 'ask', down: 'answer' }
    expect(received[direction].toString()).toBe(sent[direction].toUpperCase())
    expect(received[other].toString()).toBe(sent[other])
  })

  test.each<[string, () => unknown]>([
    ['a promise', async () => ({ up: blocks, down: blocks })],
    ['a promise that rejects', () => Promise.reject(new Error('config service down'))],
    ['nothing', () => undefined],
    ['what has neither direction', () => ({})],
  ])('a stage whose open returns %s lets nothing pass', async (_what, open) => {
    const stage = oneWay({ name: 'filter', open } as Stage, direction)
    const { result, up, down } = await runStage(stage, { up: ['secret'], down: ['secret'] })
    expect(result).toMatchObject({
      reason: 'stage-error',
      stage: { name: 'filter' },
      error: { message: expect.stringContaining('expected "open" to return') },
    })
    expect([up.length, down.length]).toEqual([0, 0])
  })

  test('a stage that was opened is closed once', async () => {
    let closed = 0
    const stage: Stage = { name: 'closing', open: () => ({ close: () => void closed++ }) }
    await runStage(oneWay(stage, direction))
    expect(closed).toBe(1)
  })

  test('a stage of the other way alone is refused', () => {
    const stage: Stage = { name: 'wrong', [other]: () => upper }
    expect(() => oneWay(stage, direction)).toThrow(`expected a stage with "${direction}" or "open"`)
  })
})

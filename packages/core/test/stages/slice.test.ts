import { expect, test } from 'vitest'
import { slice } from '../../src/stages/index.js'
import { runStage } from '../../src/testing/index.js'
import { watch } from '../support/watch.js'

test.each(['up', 'down'] as const)(
  'what passes %s comes in pieces of the size, and a chunk ends with the rest',
  async (direction) => {
    const pieces: string[] = []
    const sees = watch(direction, (chunk) => pieces.push(chunk.toString()))
    // Behind the slice, as the bytes go.
    const stages = direction === 'up' ? [slice({ bytes: 3 }), sees] : [sees, slice({ bytes: 3 })]
    const run = await runStage(stages, { [direction]: ['1234567', '89', 'abc'] })
    expect(pieces).toEqual(['123', '456', '7', '89', 'abc'])
    expect(run[direction].toString()).toBe('123456789abc')
  },
)

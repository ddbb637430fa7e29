import fc from 'fast-check'
import { expect, test } from 'vitest'
import { replace } from '../../src/stages/index.js'
import { runStage } from '../../src/testing/index.js'
import { seed } from '../support/random.js'
import { watch } from '../support/watch.js'

// Few letters and short words, so that beginnings overlap and matches abound.
const letters = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom('a', 'b'), minLength, maxLength })

test('any cut of any input gives what replacing in the whole would give', async () => {
  await fc.assert(
    fc.asyncProperty(
      letters(1, 5),
      letters(0, 4),
      fc.array(letters(0, 9), { maxLength: 8 }),
      async (from, to, chunks) => {
        const expected = chunks.join('').replaceAll(from, to)
        const { up, down } = await runStage(replace({ from, to }), { up: chunks, down: chunks })
        expect([up.toString(), down.toString()]).toEqual([expected, expected])
      },
    ),
    { seed, numRuns: 500 },
  )
})

test.each([
  ['aab', ['aaa', 'b'], 'aX'],
  ['aab', ['a', 'a', 'a', 'a', 'b', 'a', 'a'], 'aaXaa'],
  ['abab', ['aba', 'bab', 'ab'], 'XX'],
  ['aa', ['a', 'aa', 'aa'], 'XXa'],
])('%s is found across chunks whose ends look like its beginning: %j', async (from, chunks, expected) => {
  const { up } = await runStage(replace({ from, to: 'X' }), { up: chunks })
  expect(up.toString()).toBe(expected)
})

test('bytes that are no text are found, and put there', async () => {
  const stage = replace({ from: Buffer.of(0xff, 0x00), to: new Uint8Array([0xc3]) })
  const { down } = await runStage(stage, { down: [Buffer.of(1, 0xff), Buffer.of(0, 2, 0xff)] })
  expect([...down]).toEqual([1, 0xc3, 2, 0xff])
})

test('what it is given may change afterwards', async () => {
  const from = Buffer.from('a')
  const stage = replace({ from, to: 'b' })
  from.fill('x')
  expect((await runStage(stage, { up: ['ax'] })).up.toString()).toBe('bx')
})

test('what cannot be the beginning of a match is not held back', async () => {
  const passed: string[] = []
  const before = watch('up', (chunk) => passed.push(`> ${chunk}`))
  const after = watch('up', (chunk) => passed.push(`< ${chunk}`))
  await runStage([before, replace({ from: 'needle', to: 'pin' }), after], { up: ['a nee', 'd.', 'e'] })
  expect(passed).toEqual(['> a nee', '< a ', '> d.', '< need.', '> e', '< e'])
})

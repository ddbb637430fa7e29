import { expect, test } from 'vitest'
import { redactPasswords } from '../../../../examples/redact-passwords.js'
import { wholeLines } from '../../../../examples/whole-lines.js'
import type { Stage } from '../../src/stage.js'
import { checkStage, runStage } from '../../src/testing/index.js'
import { seed } from '../support/random.js'

// The stages that docs/writing-stages.md shows, held to what it says.

const text = 'größer\nas it\r\nwas\n\nand no end'

async function defaultOf<T>(file: string): Promise<T> {
  const module = await import(new URL(`../../../../examples/${file}`, import.meta.url).href)
  return module.default
}

test('upper.mjs changes letters of ASCII, and no byte of others', async () => {
  const upper = await defaultOf<Stage>('upper.mjs')
  const output = text.replace(/[a-z]/g, (letter) => letter.toUpperCase())
  await checkStage({
    stage: () => upper,
    examples: [
      { direction: 'up', input: text, output },
      { direction: 'down', input: text },
    ],
    seed,
  })
})

test('prefix.mjs begins each line with what it is given', async () => {
  const prefix = await defaultOf<(argument?: string) => Stage>('prefix.mjs')
  await checkStage({
    stage: () => prefix('-- '),
    examples: [{ direction: 'down', input: text, output: `-- ${text.replaceAll('\n', '\n-- ')}` }],
    seed,
  })
  expect((await runStage(prefix(), { down: ['a\n'] })).down.toString()).toBe('> a\n')
})

test('whole-lines gives each line as a chunk, the last one without its end, and refuses one that is too long', async () => {
  const seen: string[] = []
  const lines = (maxBytes?: number): Stage => ({
    name: 'lines',
    up: () => [
      wholeLines(maxBytes),
      (line) => {
        seen.push(line.toString())
        return line
      },
    ],
  })
  await runStage(lines(), { up: ['on', 'e\ntwo\n\nth', 'ree'] })
  expect(seen).toEqual(['one\n', 'two\n', '\n', 'three'])
  const endless = 'x'.repeat(100)
  await checkStage({
    stage: () => lines(99),
    examples: [{ direction: 'up', input: text }],
    broken: [{ direction: 'up', input: endless }],
    seed,
  })
})

test('redact-passwords ends a session whose last frame is cut off, or is no JSON', async () => {
  for (const input of [
    [0, 0, 0, 2, 0x7b],
    [0, 0],
    [0, 0, 0, 1, 0x7b],
  ]) {
    const { up, result } = await runStage(redactPasswords, { up: [Buffer.from(input)] })
    expect([up.length, result.reason]).toEqual([0, 'stage-error'])
  }
})

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { run } from '../../src/main.js'
import { syntaxOf } from '../../src/stages/built-in.js'
import { builtIns } from '../../src/stages/built-ins.js'
import { fakeIo } from '../support/fake-io.js'

async function printed(...argv: readonly string[]): Promise<readonly string[]> {
  const io = fakeIo()
  expect(await run(argv, io)).toBe(0)
  expect(io.err.all).toEqual([])
  return io.out.all
}

test('relay stages lists each built-in with its arguments, defaults and meaning', async () => {
  const lines = (await printed('stages')).map((line) => line.replace(/\s+/g, ' '))
  for (const stage of builtIns) {
    expect(lines).toContain(` ${syntaxOf(stage)} ${stage.meaning}`)
    for (const { meaning, preset } of Object.values(stage.parameters)) {
      const end = preset === undefined ? ` ${meaning}` : ` ${meaning} (default: ${preset})`
      expect(lines.some((line) => line.endsWith(end))).toBe(true)
    }
  }
  expect(lines.at(-1)).toMatch(/^ PATH\[:ARG\] a module of yours/)
})

test('relay stages fits a terminal of 120 columns', async () => {
  for (const line of await printed('stages')) expect(line.length).toBeLessThanOrEqual(120)
})

test('relay stages --json is for programs', async () => {
  const stages: { name: string }[] = JSON.parse((await printed('stages', '--json')).join('\n'))
  expect(stages.map(({ name }) => name)).toEqual(builtIns.map(({ name }) => name))
  expect(stages.find(({ name }) => name === 'throttle')).toEqual({
    name: 'throttle',
    syntax: 'throttle:RATE[,burst=SIZE]',
    meaning: expect.any(String),
    arguments: [
      { name: 'rate', value: 'RATE', meaning: expect.any(String), required: true, default: null },
      {
        name: 'burst',
        value: 'SIZE',
        meaning: expect.any(String),
        required: false,
        default: 'what goes in 50ms',
      },
    ],
  })
})

test('docs/cli.md has every built-in, with its arguments and defaults', () => {
  const reference = readFileSync(new URL('../../../../docs/cli.md', import.meta.url), 'utf8')
  const section = reference.split(/^## /m).find((text) => text.startsWith('Stages\n'))
  const rows = builtIns.map((stage) => {
    const parameters = Object.entries(stage.parameters).map(([name, { value, meaning, preset }], index) => {
      const end = preset === undefined ? '' : ` (default: ${preset})`
      return `\`${index === 0 ? value : name}\`: ${meaning}${end}`
    })
    const row = `| \`${syntaxOf(stage)}\` | ${stage.meaning} | ${parameters.join('<br>')} |`
    return row.replaceAll('\\', '\\\\')
  })
  const documented = section?.split('\n').filter((line) => line.startsWith('| `'))
  expect(documented?.slice(0, rows.length)).toEqual(rows)
})

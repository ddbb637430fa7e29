import { afterEach, expect, it, vi } from 'vitest'
import { run } from '../src/main.js'

afterEach(() => {
  vi.restoreAllMocks()
})

it('answers wrong usage with one line and exit code 2', async () => {
  const lines: unknown[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(text) > 0)
  expect(await run(['--rounds', 'many'])).toBe(2)
  expect(lines).toEqual([
    "bench: --rounds 'many': expected a whole number from 1 to 100; see npm run bench -- --help\n",
  ])
})

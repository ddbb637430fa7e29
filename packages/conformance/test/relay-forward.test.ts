import { beforeAll, describe, expect, test } from 'vitest'
import { allCases } from '../src/cases/index.js'
import { relay } from '../src/peers/peer-programs.js'
import { holdToClaims, type Verdict } from './support/hold-to-claims.js'

const SUITE_MS = 120_000

for (const [title, flags] of [
  ['plain', []],
  ['over a pooled upstream', ['--prewarm', '2']],
  ['through a stage', ['--stage', 'pass']],
  ['by two workers', ['--workers', '2']],
] as const) {
  describe(`relay forward, ${title}`, () => {
    let verdict: Verdict | undefined
    beforeAll(async () => {
      verdict = await holdToClaims(relay('relay', 'relay forward', flags))
    }, SUITE_MS)

    test.for(allCases)('$id: $claim', ({ id }) => {
      const { pass, seen } = verdict?.results.get(id) ?? { pass: false, seen: 'was not run' }
      expect(pass, seen).toBe(true)
    })

    test('says so by its exit code', () => {
      expect(verdict?.exitCode).toBe(0)
    })

    if (flags[0] === '--prewarm') {
      test('has served sessions by connections that were open before', () => {
        const stats = /.*"prewarmed":(\d+)/s.exec(verdict?.output ?? '')
        expect(Number(stats?.[1])).toBeGreaterThan(0)
      })
    }
  })
}

describe('relay forward with short deadlines', () => {
  test('cuts the idle and the old by a reset, and spares a drip that is young', {
    timeout: SUITE_MS,
  }, async () => {
    const flags = ['--idle-timeout', '600ms', '--max-duration', '2500ms']
    const deadlines = ['--idle', '600', '--max-duration', '2500']
    const { results } = await holdToClaims(relay('relay', 'relay forward', flags), deadlines)
    expect([...results.keys()]).toEqual(['deadline-idle', 'deadline-idle-drip', 'deadline-duration'])
    expect([...results.values()].filter(({ pass }) => !pass)).toEqual([])
  })
})

import { beforeAll, describe, expect, test } from 'vitest'
import { casesFor } from '../../src/cases/index.js'
import { type Dimension, nameOfDimension } from '../../src/peers/dimension.js'
import { holdToClaims, type Verdict } from '../../src/peers/hold-to-claims.js'
import { relay } from '../../src/peers/peer-programs.js'

const SUITE_MS = 180_000
// The full number is for `npm run conformance`.
const SESSIONS = 300

export interface ClaimsOptions {
  /** Only the claims whose id contains it. */
  readonly only?: string
  /** More tests of the same run. */
  readonly more?: (verdict: () => Verdict | undefined) => void
}

/** Each claim is a test: `relay forward`, run with these flags in this dimension, keeps it. */
export function claimsHold(
  title: string,
  flags: readonly string[],
  dimension: Dimension,
  { only = '', more = () => {} }: ClaimsOptions = {},
): void {
  const { client, server, halfClose } = dimension
  const setting = { halfClose, transports: { client, server }, deadlines: {}, sessions: SESSIONS, pid: 1 }
  const cases = casesFor(setting).cases.filter(({ id }) => id.includes(only))

  describe(`relay forward, ${title}, ${nameOfDimension(dimension)}`, () => {
    let verdict: Verdict | undefined
    beforeAll(async () => {
      const program = relay('relay', 'relay forward', flags)
      const chosen = only === '' ? [] : ['--only', only]
      verdict = await holdToClaims(program, dimension, ['--sessions', String(SESSIONS), ...chosen])
    }, SUITE_MS)

    test.for(cases)('$id: $claim', ({ id }) => {
      const { pass, seen } = verdict?.results.find((result) => result.id === id) ?? {
        pass: false,
        seen: 'was not run',
      }
      expect(pass, seen).toBe(true)
    })

    test('says so by its exit code', () => {
      expect(verdict?.exitCode).toBe(0)
    })

    more(() => verdict)
  })
}

import { beforeAll, describe, expect, test } from 'vitest'
import { casesFor } from '../../src/cases/index.js'
import { type Dimension, nameOfDimension } from '../../src/peers/dimension.js'
import { holdToClaims, type Verdict } from '../../src/peers/hold-to-claims.js'
import { relay } from '../../src/peers/peer-programs.js'

const SUITE_MS = 120_000
// The full number is for `npm run conformance`.
const SESSIONS = 500

/** Each claim is a test: `relay forward`, run with these flags in this dimension, keeps it. */
export function claimsHold(
  title: string,
  flags: readonly string[],
  dimension: Dimension,
  more: (verdict: () => Verdict | undefined) => void = () => {},
): void {
  const { client, server, halfClose } = dimension
  const setting = { halfClose, transports: { client, server }, deadlines: {}, sessions: SESSIONS, pid: 1 }

  describe(`relay forward, ${title}, ${nameOfDimension(dimension)}`, () => {
    let verdict: Verdict | undefined
    beforeAll(async () => {
      const program = relay('relay', 'relay forward', flags)
      verdict = await holdToClaims(program, dimension, ['--sessions', String(SESSIONS), '--jobs', '8'])
    }, SUITE_MS)

    test.for(casesFor(setting).cases)('$id: $claim', ({ id }) => {
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

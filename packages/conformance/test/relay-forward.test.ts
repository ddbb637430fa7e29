import { describe, expect, test } from 'vitest'
import { tcpForward } from '../src/peers/dimension.js'
import { holdToClaims } from '../src/peers/hold-to-claims.js'
import { relay } from '../src/peers/peer-programs.js'
import { claimsHold } from './support/claims-hold.js'

claimsHold('plain', [], tcpForward)
claimsHold('over a pooled upstream', ['--prewarm', '2', '--pool-stats', '500ms'], tcpForward, {
  more: (verdict) => {
    test('has served sessions by connections that were open before', () => {
      const stats = /.*"prewarmed":(\d+)/s.exec(verdict()?.output ?? '')
      expect(Number(stats?.[1])).toBeGreaterThan(0)
    })
  },
})
claimsHold('through a stage', ['--stage', 'pass'], tcpForward)
claimsHold('by two workers', ['--workers', '2'], tcpForward)

describe('relay forward with short deadlines', () => {
  test('cuts the idle and the old by a reset, and spares a drip that is young', {
    timeout: 120_000,
  }, async () => {
    const flags = ['--idle-timeout', '600ms', '--max-duration', '2500ms']
    const deadlines = ['--idle', '600', '--max-duration', '2500']
    const verdict = await holdToClaims(relay('relay', 'relay forward', flags), tcpForward, deadlines)
    const results = verdict?.results ?? []
    expect(results.map(({ id }) => id)).toEqual(['deadline-idle', 'deadline-idle-drip', 'deadline-duration'])
    expect(results.filter(({ pass }) => !pass)).toEqual([])
  })
})

import { expect, test } from 'vitest'
import { seed } from '../../../core/test/support/random.js'
import { type CrowdRun, runCrowd } from './crowd.js'

const size = Number(process.env.RELAY_CROWD ?? 300)

const FORWARD = ['both fin', 'client fin', 'upstream fin', 'client close', 'upstream close'] as const
const RUNS = {
  plain: [...FORWARD, 'client reset', 'upstream reset'],
  unix: [...FORWARD, 'client close-unread', 'upstream close-unread'],
} as const

for (const carrier of ['plain', 'unix'] as const) {
  for (const what of RUNS[carrier]) {
    const [side, fault] = what.split(' ') as [CrowdRun['side'], CrowdRun['fault']]
    for (const halfClose of fault === 'fin' ? (['forward', 'close'] as const) : (['forward'] as const)) {
      const how = halfClose === 'close' ? ', the first FIN ends both' : ''
      test(`${size} sessions at once: ${what}, ${carrier}${how} (seed ${seed})`, async () => {
        expect(await runCrowd({ side, fault, carrier, halfClose }, size)).toEqual([])
      }, 120_000)
    }
  }
}

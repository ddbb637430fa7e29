import { expect, test } from 'vitest'
import { seed } from '../../../core/test/support/random.js'
import { chance } from './chance.js'
import { runCrowd } from './crowd.js'
import { isAll } from './runs.js'

const size = Number(process.env.RELAY_CROWD ?? 300)
const FAULTS = { plain: ['fin', 'close', 'reset'], unix: ['fin', 'close', 'close-unread'] } as const
const SIDES = ['client', 'upstream'] as const

for (const carrier of ['plain', 'unix'] as const) {
  for (const fault of FAULTS[carrier]) {
    for (const halfClose of fault === 'fin' ? (['forward', 'close'] as const) : (['forward'] as const)) {
      const how = halfClose === 'close' ? ', the first FIN ends both' : ''
      const one = isAll ? SIDES : [chance(`side of ${fault}, ${carrier}${how}`).pick(SIDES)]
      for (const side of fault === 'fin' ? ([...one, 'both'] as const) : one) {
        test(`${size} sessions at once: ${side} ${fault}, ${carrier}${how} (seed ${seed})`, async () => {
          expect(await runCrowd({ side, fault, carrier, halfClose }, size)).toEqual([])
        }, 120_000)
      }
    }
  }
}

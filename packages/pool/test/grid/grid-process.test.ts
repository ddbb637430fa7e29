import { expect, test } from 'vitest'
import { seed } from '../../../core/test/support/random.js'
import { runProcess } from './process-run.js'

for (const carrier of ['plain', 'unix'] as const) {
  for (const side of ['client', 'upstream'] as const) {
    for (const way of ['exit', 'kill'] as const) {
      for (const unread of [false, true]) {
        const how = `${way === 'exit' ? 'exits' : 'is killed'}${unread ? ' with bytes unread' : ''}`
        test(`the process of the ${side} ${how}, ${carrier} (seed ${seed})`, async () => {
          expect(await runProcess({ side, carrier, way, unread })).toEqual([])
        })
      }
    }
  }
}

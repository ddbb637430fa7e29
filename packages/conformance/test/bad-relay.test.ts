import { expect, test } from 'vitest'
import { badRelay, relay } from '../src/peers/peer-programs.js'
import { holdToClaims } from './support/hold-to-claims.js'

test('finds what a relay of pipes that ends with its first FIN gets wrong', {
  timeout: 120_000,
}, async () => {
  const { exitCode, results } = await holdToClaims(badRelay)
  const failed = [...results.values()].filter(({ pass }) => !pass).map(({ id }) => id)
  expect(exitCode).toBe(1)
  expect(failed).toEqual(
    expect.arrayContaining([
      'fin-client-late-answer',
      'fin-server-late-answer',
      'fin-client-other-way-whole',
      'fin-empty-session',
      'reset-client-idle',
      'reset-server-idle',
      'reset-client-after-data',
      'reset-server-after-data-late-reader',
      'reset-client-with-data',
      'dial-client-fin',
      'dial-refused',
    ]),
  )
  // And it is fair: this much even such a relay does.
  for (const id of ['fin-client-late-reader', 'flow-client-backpressure', 'flow-drip', 'crowd-own-content']) {
    expect(results.get(id), results.get(id)?.seen).toMatchObject({ pass: true })
  }
})

test('sees that a relay without deadlines cuts nobody', { timeout: 120_000 }, async () => {
  const { results } = await holdToClaims(relay('relay', 'relay forward', []), [
    '--idle',
    '300',
    '--max-duration',
    '500',
  ])
  expect(results.get('deadline-idle')?.seen).toMatch(/^still open after/)
  expect(results.get('deadline-duration')?.seen).toMatch(/^still open after/)
})

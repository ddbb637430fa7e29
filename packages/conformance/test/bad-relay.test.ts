import { expect, test } from 'vitest'
import { type Dimension, tcpForward } from '../src/peers/dimension.js'
import { holdToClaims } from '../src/peers/hold-to-claims.js'
import type { PeerProgram } from '../src/peers/peer-program.js'
import { badRelay, relay } from '../src/peers/peer-programs.js'
import type { Result } from '../src/run-cases.js'

const TIMEOUT = { timeout: 120_000 }

async function hold(program: PeerProgram, dimension: Dimension, flags: readonly string[] = []) {
  const verdict = await holdToClaims(program, dimension, flags)
  const results = new Map<string, Result>(verdict?.results.map((one) => [one.id, one]))
  const failed = [...results.values()].filter(({ pass }) => !pass).map(({ id }) => id)
  return { exitCode: verdict?.exitCode, results, failed }
}

test('finds what a relay of pipes that ends with its first FIN gets wrong', TIMEOUT, async () => {
  const { exitCode, results, failed } = await hold(badRelay, tcpForward, ['--sessions', '200'])
  expect(exitCode).toBe(1)
  expect(failed).toEqual(
    expect.arrayContaining([
      'fin-client-late-answer',
      'fin-server-late-answer-late-reader',
      'fin-client-other-way-whole',
      'fin-empty-session',
      'close-client-unread',
      'close-server-unread-late-reader',
      'reset-client-idle',
      'reset-server-idle',
      'reset-client-after-data',
      'reset-server-after-data-late-reader',
      'reset-client-with-data',
      'dial-client-fin',
      'dial-refused',
      'stop-forced',
    ]),
  )
  // And it is fair: this much even such a relay does.
  for (const id of [
    ...['fin-client-late-reader', 'fin-server-with-data-late-reader', 'close-client', 'close-server'],
    ...['flow-client-backpressure', 'flow-drip', 'crowd-own-content', 'crowd-late-readers'],
  ]) {
    expect(results.get(id), results.get(id)?.seen).toMatchObject({ pass: true })
  }
})

test('finds over unix sockets that it hands on no reset', TIMEOUT, async () => {
  const dimension = { client: 'unix', server: 'tcp', halfClose: 'close' } as const
  const { results, failed } = await hold(badRelay, dimension, ['--only', 'client'])
  expect(failed).toEqual(expect.arrayContaining(['close-client-unread', 'reset-client-with-data']))
  for (const id of ['end-client-ends-both', 'end-client-answer-before-late-reader', 'close-client']) {
    expect(results.get(id), results.get(id)?.seen).toMatchObject({ pass: true })
  }
})

test('sees that a relay without deadlines cuts nobody', TIMEOUT, async () => {
  const program = relay('relay', 'relay forward', [])
  const { results } = await hold(program, tcpForward, ['--idle', '300', '--max-duration', '500'])
  expect(results.get('deadline-idle')?.seen).toMatch(/^still open after/)
  expect(results.get('deadline-duration')?.seen).toMatch(/^still open after/)
})

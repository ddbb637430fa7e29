import { expect, test } from 'vitest'
import { sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { house } from './toy.js'

test("halfClose 'close' ends no session whose stale upstream can be replaced: its client notices nothing", async () => {
  const made = await house(
    { origin: 'reused', proof: null, retryStale: 'before-first-byte' },
    { halfClose: 'close' },
  )
  const caller = await client(made.address)
  ;(await made.peer(0)).end()
  const fresh = await made.peer(1)
  await caller.write('mine\n')
  await fresh.arrived(5)
  await fresh.write('yours\n')
  await caller.arrived(6)
  caller.end()
  expect(await caller.received).toMatchObject({ hash: sha256('yours\n'), ending: 'fin' })
  expect(await made.result(0)).toMatchObject({ reason: 'client-end', up: { bytes: 5 }, down: { bytes: 6 } })
  expect(made.connector.endings).toEqual(['discarded', 'discarded'])
})

test('bytes for somebody before are told as what they are: whose, and when', async () => {
  const made = await house({ origin: 'reused' })
  const caller = await client(made.address)
  await caller.write('ask\n')
  const served = await made.peer(0)
  await served.arrived(4)
  await served.write('an answer\nand another\n')
  expect(await made.result(0)).toMatchObject({
    reason: 'upstream-error',
    error: {
      code: 'ERR_RELAY_FOREIGN_BYTES',
      message: 'the upstream sent bytes that answer no request of this session',
      side: 'upstream',
      phase: 'transfer',
    },
  })
  expect((await caller.received).bytes).toBe(0)
})

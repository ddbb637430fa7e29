import { expect, test } from 'vitest'
import { client } from '../support/upstream.js'
import { house } from './toy.js'

test('a session whose first request has sent it to another connection goes on there', async () => {
  const made = await house()
  const caller = await client(made.address)
  await caller.write('ask\n')
  const served = await made.peer(0)
  await served.arrived(4)
  await served.write('answer\n')
  await caller.arrived(7)
  caller.end()
  await made.connector.ended(1)
  const next = await client(made.address)
  await next.write('taint\n')
  const other = await made.peer(1)
  await other.arrived(6)
  next.end('more\n')
  expect(await other.received).toMatchObject({ bytes: 11, ending: 'fin' })
  other.end()
})

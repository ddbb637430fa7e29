import { describe, expect, onTestFinished, test } from 'vitest'
import type { RelayResult } from '../../src/close-reason.js'
import { dialer } from '../../src/dialer.js'
import { createRelayServer } from '../../src/server.js'
import { limitBytes } from '../../src/stages/index.js'
import { runStage } from '../../src/testing/index.js'
import { sha256 } from '../support/peer.js'
import { client, echo, upstream } from '../support/upstream.js'

describe.each(['up', 'down'] as const)('%s', (direction) => {
  test.each([
    ['in the midst of a chunk', ['12', '345678']],
    ['at the end of a chunk', ['12', '345', '678']],
    ['at the end of the first chunk', ['12345', '678']],
    ['at single bytes', [...'12345678']],
    ['at the end of all', ['12345']],
  ])('lets so many bytes pass and no more when the limit is %s', async (_where, chunks) => {
    const { result, ...passed } = await runStage(limitBytes({ bytes: 5 }), { [direction]: chunks })
    expect(passed[direction].toString()).toBe('12345')
    expect(result).toMatchObject({ reason: 'stage-end', stage: { name: 'limit', direction } })
  })

  test('less than the limit passes, and the session ends by itself', async () => {
    const { result, ...passed } = await runStage(limitBytes({ bytes: 5 }), { [direction]: ['12', '34'] })
    expect(passed[direction].toString()).toBe('1234')
    expect(result.reason).toBe('client-end')
  })
})

test('each direction and each session has a count of its own', async () => {
  const stage = limitBytes({ bytes: 5 })
  for (const word of ['once', 'more']) {
    const { up, down, result } = await runStage(stage, { up: [word], down: [word] })
    expect([up.toString(), down.toString(), result.reason]).toEqual([word, word, 'client-end'])
  }
})

test('over TCP what passed arrives, and a FIN behind it, while the client goes on sending', async () => {
  const { target } = await upstream(echo)
  const results: RelayResult[] = []
  const server = createRelayServer({
    upstream: dialer(target),
    stages: [limitBytes({ bytes: 5 })],
    onClose: (_info, result) => results.push(result),
  })
  onTestFinished(() => server.close({ graceMs: 0 }))
  const peer = await client(await server.listen('127.0.0.1:0'))
  await peer.write('123')
  await peer.arrived(3)
  await peer.write('45678')
  // Which of the two directions is counted to its end first is the kernel's choice: the echo may have been cut, never changed.
  const { bytes, hash, ending } = await peer.received
  expect(ending).toBe('fin')
  expect(hash).toBe(sha256('12345'.slice(0, bytes)))
  await server.close()
  expect(results).toMatchObject([
    { reason: 'stage-end', stage: { name: 'limit', direction: 'up' }, up: { bytes: 5 } },
  ])
})

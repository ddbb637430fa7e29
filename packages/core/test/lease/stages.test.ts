import { expect, test } from 'vitest'
import { flushable, type Stage } from '../../src/stage.js'
import { sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { house, ToyProof } from './toy.js'

const reused = { origin: 'reused', retryStale: 'before-first-byte', proof: () => new ToyProof() } as const

test('what a stage made of bytes that a stale upstream got is sent again as it was, and the stage goes on from there', async () => {
  let chunks = 0
  const numbered: Stage = { name: 'numbered', up: () => (chunk) => `${++chunks}:${chunk}` }
  const made = await house({ ...reused, proof: null, retryStale: 'replay' }, { stages: [numbered] })
  const caller = await client(made.address)
  await caller.write('one ')
  const stale = await made.peer(0)
  await stale.arrived(6)
  stale.end()
  const fresh = await made.peer(1)
  await fresh.arrived(6)
  await caller.write('two')
  await fresh.arrived(11)
  caller.end()
  expect((await fresh.received).hash).toBe(sha256('1:one 2:two'))
  fresh.end()
  expect(await made.result(0)).toMatchObject({ reason: 'client-end' })
})

test('what a stage holds when its upstream proves stale goes to the fresh one', async () => {
  const lines: Stage = {
    name: 'lines',
    up() {
      let line = ''
      return (chunk) => {
        line += chunk
        if (!line.endsWith('\n')) return undefined
        const whole = line
        line = ''
        return whole
      }
    },
  }
  const made = await house(reused, { stages: [lines] })
  const caller = await client(made.address)
  await caller.write('half a ')
  const stale = await made.peer(0)
  stale.end()
  const fresh = await made.peer(1)
  await caller.write('line\n')
  await fresh.arrived(12)
  await fresh.write('answer\n')
  await caller.arrived(7)
  caller.end()
  await made.result(0)
  expect(made.connector.connects).toEqual(['any', 'fresh'])
  expect(fresh.bytes).toBe(12)
})

test('the rule sees what goes over the wire, and decides when the stages have given their tails', async () => {
  const terminated: Stage = {
    name: 'terminated',
    up: () =>
      flushable(
        (chunk) => chunk,
        () => '\n',
      ),
    down: () =>
      flushable(
        (chunk) => chunk,
        () => 'tail',
      ),
  }
  const made = await house({}, { stages: [terminated] })
  const caller = await client(made.address)
  caller.end('ask')
  const served = await made.peer(0)
  await served.arrived(4)
  await served.write('answer\n')
  expect(await caller.received).toMatchObject({ hash: sha256('answer\ntail'), ending: 'fin' })
  expect(await made.result(0)).toMatchObject({ reason: 'client-end', up: { bytes: 4 }, down: { bytes: 11 } })
  expect(await made.connector.ended(1)).toEqual(['reusable'])
})

test('foreign bytes never reach a stage', async () => {
  const seen: string[] = []
  const watching: Stage = {
    name: 'watching',
    down: () => (chunk) => {
      seen.push(chunk.toString())
      return chunk
    },
  }
  const made = await house({ ...reused, retryStale: 'never' }, { stages: [watching] })
  const caller = await client(made.address)
  const served = await made.peer(0)
  await served.write('for somebody else\n')
  expect((await caller.received).ending).toBe('reset')
  expect(await made.result(0)).toMatchObject({ error: { code: 'ERR_RELAY_FOREIGN_BYTES' } })
  expect(seen).toEqual([])
})

test('a stage that fails leaves an upstream that is idle to others', async () => {
  const fails: Stage = {
    name: 'fails',
    up: () => (chunk) => {
      if (chunk.includes('bad')) throw new Error('boom')
      return chunk
    },
  }
  const made = await house({}, { stages: [fails] })
  const caller = await client(made.address)
  await caller.write('ask\n')
  const served = await made.peer(0)
  await served.arrived(4)
  await served.write('answer\n')
  await caller.arrived(7)
  await caller.write('bad')
  expect((await caller.received).ending).toBe('reset')
  expect(await made.result(0)).toMatchObject({
    reason: 'stage-error',
    stage: { name: 'fails', direction: 'up' },
  })
  expect(await made.connector.ended(1)).toEqual(['reusable'])
})

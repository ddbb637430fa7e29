import type { ReuseRule } from '@relay/core'
import { describe, expect, it } from 'vitest'
import { client } from '../../../core/test/support/upstream.js'
import { redis } from '../../src/rules/redis.js'
import { pooled, relayed } from '../connection/pooled.js'
import { command, line } from './redis-support.js'

const setInfo = command('CLIENT', 'SETINFO', 'LIB-NAME', 'of-the-first')
const emptyName = command('CLIENT', 'SETINFO', 'LIB-NAME', '')
const emptyVersion = command('CLIENT', 'SETINFO', 'LIB-VER', '')
const RESET = line('RESET')

/** What becomes of a connection whose session sent these, each answered `+OK`, when what then comes for its reset is answered like this. */
async function afterSession(
  requests: readonly Buffer[],
  answers: readonly string[],
  rule: ReuseRule = redis(),
): Promise<{ readonly kept: boolean; readonly reset: Buffer }> {
  const sent = Buffer.concat(requests)
  let received = Buffer.alloc(0)
  const { pool } = await pooled({ reuse: rule }, ({ socket }) => {
    socket.on('data', (chunk) => {
      const before = received.length
      received = Buffer.concat([received, chunk])
      if (received.length === sent.length) socket.write('+OK\r\n'.repeat(requests.length))
      else if (before === sent.length) socket.write(answers.map((answer) => `${answer}\r\n`).join(''))
    })
    socket.on('error', () => {})
  })
  const { address } = await relayed(pool)
  const peer = await client(address)
  await peer.write(sent)
  await peer.arrived('+OK\r\n'.length * requests.length)
  peer.end()
  await peer.received
  await expect.poll(() => pool.stats().leased, { timeout: 5_000 }).toBe(0)
  const { idle, closed } = pool.stats()
  expect(closed).toEqual(idle === 1 ? {} : { 'reset-failed': 1 })
  return { kept: idle === 1, reset: received.subarray(sent.length) }
}

describe('a connection', () => {
  const setVersion = command('CLIENT', 'SETINFO', 'lib-ver', '1')
  const sessions: ReadonlyArray<readonly [readonly Buffer[], readonly Buffer[]]> = [
    [[line('SELECT 1')], [RESET]],
    [[line('MULTI')], [RESET]],
    [[line('HELLO')], [RESET]],
    [[setInfo], [emptyName, RESET]],
    [[setVersion], [emptyVersion, RESET]],
    [
      [line('SELECT 1'), setVersion, setInfo],
      [emptyName, emptyVersion, RESET],
    ],
    [[setInfo, command('CLIENT', 'SETINFO', 'LIB-NAME', '')], [RESET]],
  ]
  for (const [requests, reset] of sessions) {
    const name = requests.map((request) => JSON.stringify(String(request))).join(' and ')
    it(`is cleaned by what its session made necessary, and no more: ${name}`, async () => {
      const answers = [...Array<string>(reset.length - 1).fill('+OK'), '+RESET']
      const { kept, reset: received } = await afterSession(requests, answers)
      expect(received.toString()).toBe(Buffer.concat(reset).toString())
      expect(kept).toBe(true)
    })
  }

  const wrong: readonly (readonly string[])[] = [
    ['+QUEUED', '+RESET'],
    ['-NOPERM no', '+RESET'],
    ['-NOAUTH no', '+RESET'],
    ['-LOADING no', '+RESET'],
    ['-ERR no', '+RESET'],
    [':1', '+RESET'],
    ['$2\r\nOK', '+RESET'],
    ['*0', '+RESET'],
    ['+OK', '-ERR unknown command'],
    ['+OK', '+OK'],
    ['+OK', '+QUEUED'],
  ]
  for (const answers of wrong) {
    it(`is not kept when its reset is answered ${JSON.stringify(answers)}`, async () => {
      expect(await afterSession([setInfo], answers)).toMatchObject({ kept: false })
    })
  }

  it('is closed without a reset once the server has refused one', async () => {
    const rule = redis()
    const unknown = "-ERR unknown command 'RESET', with args beginning with:"
    const first = await afterSession([line('SELECT 1')], [unknown], rule)
    expect(first).toEqual({ kept: false, reset: RESET })
    const second = await afterSession([line('SELECT 1')], [], rule)
    expect(second).toEqual({ kept: false, reset: Buffer.alloc(0) })
    expect(await afterSession([line('GET a')], [], rule)).toMatchObject({ kept: true })
  })
})

import { describe, expect, it } from 'vitest'
import { client } from '../../../core/test/support/upstream.js'
import { redis } from '../../src/rules/redis.js'
import { pooled, relayed } from '../connection/pooled.js'
import { command, line } from './redis-support.js'

const rule = redis()
const RESET = rule.reset?.send ?? Buffer.alloc(0)
const setInfo = command('CLIENT', 'SETINFO', 'LIB-NAME', 'of-the-first')

/** What becomes of a connection whose session sent this and was answered `+OK`, when its reset is answered by these lines. */
async function keptAfter(request: Buffer, answers: readonly string[]): Promise<boolean> {
  const { pool } = await pooled({ reuse: rule }, ({ socket }) => {
    let received = Buffer.alloc(0)
    const answered = (bytes: Buffer, answer: string): void => {
      if (!received.equals(bytes)) return
      received = Buffer.alloc(0)
      socket.write(answer)
    }
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      answered(request, '+OK\r\n')
      answered(RESET, answers.map((answer) => `${answer}\r\n`).join(''))
    })
    socket.on('error', () => {})
  })
  const { address } = await relayed(pool)
  const peer = await client(address)
  await peer.write(request)
  await peer.arrived('+OK\r\n'.length)
  peer.end()
  await peer.received
  await expect.poll(() => pool.stats().leased, { timeout: 5_000 }).toBe(0)
  const { idle, closed } = pool.stats()
  expect(closed).toEqual(idle === 1 ? {} : { 'reset-failed': 1 })
  return idle === 1
}

describe('a connection whose reset', () => {
  it('was answered part by part as it must be is kept', async () => {
    expect(await keptAfter(setInfo, ['+OK', '+OK', '+RESET'])).toBe(true)
    expect(await keptAfter(line('SELECT 1'), ['+OK', '+OK', '+RESET'])).toBe(true)
  })

  it('was sent to a server that has no lib-name is kept, for there is nothing to empty', async () => {
    const unknown = "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP."
    expect(await keptAfter(line('SELECT 1'), [unknown, unknown, '+RESET'])).toBe(true)
  })

  const wrong: readonly (readonly string[])[] = [
    ['+QUEUED', '+QUEUED', '+RESET'],
    ['-NOPERM no', '-NOPERM no', '+RESET'],
    ['-NOAUTH no', '-NOAUTH no', '+RESET'],
    ['+OK', '-NOPERM no', '+RESET'],
    ['-LOADING no', '+OK', '+RESET'],
    [':1', '+OK', '+RESET'],
    ['+OK', '$2\r\nOK', '+RESET'],
    ['*0', '*0', '+RESET'],
    ['+OK', '+OK', '-ERR unknown command'],
    ['+OK', '+OK', '+OK'],
    ['+OK', '+OK', '+QUEUED'],
  ]
  for (const answers of wrong) {
    it(`was answered ${JSON.stringify(answers)} is not kept`, async () => {
      expect(await keptAfter(setInfo, answers)).toBe(false)
      expect(await keptAfter(line('SELECT 1'), answers)).toBe(false)
    })
  }

  it('was refused by a server that had taken a lib-name is not kept', async () => {
    expect(await keptAfter(setInfo, ['-ERR no', '+OK', '+RESET'])).toBe(false)
  })
})

import { expect, onTestFinished, test, vi } from 'vitest'
import { echo, upstream } from '../../../core/test/support/upstream.js'
import { connectionPool } from '../../src/index.js'

function countControllers(): () => number {
  const Real = AbortController
  let made = 0
  class Counted extends Real {
    constructor() {
      super()
      made += 1
    }
  }
  vi.stubGlobal('AbortController', Counted)
  onTestFinished(() => void vi.unstubAllGlobals())
  return () => made
}

test('a pool that dials by itself makes no AbortController: one costs as much as a socket', async () => {
  const { target } = await upstream(echo)
  const made = countControllers()
  const pool = connectionPool({ dial: target, prewarm: 4 })
  onTestFinished(() => pool.close({ graceMs: 0 }))
  expect(await pool.prewarm(4)).toMatchObject({ errors: [] })
  const lease = await pool.borrow()
  await lease.release()
  expect(made()).toBe(0)
})

test('a dial function gets a real signal, which closing the pool aborts', async () => {
  const signals: AbortSignal[] = []
  const pool = connectionPool({
    dial: ({ signal }) => {
      signals.push(signal)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  })
  const borrowed = expect(pool.borrow()).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' })
  await expect.poll(() => signals.length).toBe(1)
  expect(signals[0]).toBeInstanceOf(AbortSignal)
  await pool.close({ graceMs: 0 })
  await borrowed
  expect(signals[0]?.aborted).toBe(true)
})

import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Channel } from '../src/channel.js'
import { heapUsed } from './support/heap.js'
import { watch } from './support/outcome.js'
import { recording } from './support/recording.js'
import { turn } from './support/turn.js'

afterEach(() => {
  vi.useRealTimers()
})

describe('sending', () => {
  test('hands to a waiting receiver, else buffers, else is full', async () => {
    const { channel } = recording<number>(1)
    const received = channel.receive()
    expect(channel.trySend(1)).toBe('handed')
    expect(channel.trySend(2)).toBe('buffered')
    expect(channel.trySend(3)).toBe('full')
    expect(await received).toBe(1)
    expect(channel.size).toBe(1)
  })

  test('with capacity 0 is a rendezvous', async () => {
    const { channel } = recording<number>(0)
    expect(channel.trySend(1)).toBe('full')
    const sent = watch(channel.send(2))
    await turn()
    expect(sent.state).toBe('pending')
    expect(await channel.receive()).toBe(2)
    await turn()
    expect(sent.state).toBe('fulfilled')
  })

  test('or discarding reports overflow and closed once each', () => {
    const { channel, lost } = recording<number>(1)
    expect(channel.sendOrDiscard(1)).toBe(true)
    expect(channel.sendOrDiscard(2)).toBe(false)
    channel.close()
    expect(channel.sendOrDiscard(3)).toBe(false)
    expect(lost).toEqual([
      [2, 'overflow'],
      [3, 'closed'],
    ])
  })

  test('leaves the item with the caller when trySend is full or closed', () => {
    const { channel, lost } = recording<number>(0)
    channel.trySend(1)
    channel.close('discard')
    expect(channel.trySend(2)).toBe('closed')
    expect(lost).toEqual([])
  })

  test('blocked goes on in order as room comes, by receive and by remove', async () => {
    const { channel } = recording<string>(1)
    channel.trySend('a')
    const b = watch(channel.send('b'))
    const c = watch(channel.send('c'))
    expect(channel.remove('a')).toBe(true)
    await turn()
    expect([b.state, c.state]).toEqual(['fulfilled', 'pending'])
    expect(channel.tryReceive()).toEqual({ ok: true, value: 'b' })
    await turn()
    expect(c.state).toBe('fulfilled')
    expect(channel.tryReceive()).toEqual({ ok: true, value: 'c' })
  })

  test('aborted while blocked makes the item undelivered and leaves no listener', async () => {
    const { channel, lost } = recording<number>(0)
    const controller = new AbortController()
    const sent = watch(channel.send(1, { signal: controller.signal }))
    const other = watch(channel.send(2))
    controller.abort('enough')
    await turn()
    expect(sent).toMatchObject({ state: 'rejected', error: 'enough' })
    expect(lost).toEqual([[1, 'cancelled']])
    expect(await channel.receive()).toBe(2)
    await turn()
    expect(other.state).toBe('fulfilled')
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  test('with an aborted signal makes the item undelivered, room or not', async () => {
    const { channel, lost } = recording<number>(1)
    await expect(channel.send(1, { signal: AbortSignal.abort('no') })).rejects.toBe('no')
    expect(channel.size).toBe(0)
    expect(lost).toEqual([[1, 'cancelled']])
  })
})

describe('receiving', () => {
  test('is first come, first served', async () => {
    const { channel } = recording<number>(2)
    const all = Promise.all([channel.receive(), channel.receive(), channel.receive()])
    channel.trySend(1)
    channel.trySend(2)
    channel.trySend(3)
    expect(await all).toEqual([1, 2, 3])
  })

  test('takes the newest item first with order lifo, undefined items too', () => {
    const { channel } = recording<number | undefined>(3, 'lifo')
    channel.trySend(1)
    channel.trySend(undefined)
    expect(channel.peek()).toBe(undefined)
    expect(channel.tryReceive()).toEqual({ ok: true, value: undefined })
    expect(channel.peek()).toBe(1)
    expect(channel.tryReceive()).toEqual({ ok: true, value: 1 })
    expect(channel.tryReceive()).toEqual({ ok: false, closed: false })
  })

  test('gives up after timeoutMs, and the next item goes to the next receiver', async () => {
    vi.useFakeTimers()
    const { channel } = recording<number>(0)
    const first = watch(channel.receive({ timeoutMs: 10 }))
    const second = watch(channel.receive({ timeoutMs: 20 }))
    await vi.advanceTimersByTimeAsync(10)
    expect(first.error).toMatchObject({ code: 'ERR_POOL_CHANNEL_TIMEOUT' })
    expect(channel.trySend(1)).toBe('handed')
    await turn()
    expect(second).toMatchObject({ state: 'fulfilled', value: 1 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('an item handed over in the tick of the abort is received', async () => {
    const { channel, lost } = recording<number>(0)
    const controller = new AbortController()
    const received = channel.receive({ signal: controller.signal })
    channel.trySend(1)
    controller.abort()
    expect(await received).toBe(1)
    expect(lost).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  test('with an aborted signal takes nothing', async () => {
    const { channel } = recording<number>(1)
    channel.trySend(1)
    await expect(channel.receive({ signal: AbortSignal.abort('no') })).rejects.toBe('no')
    expect(channel.size).toBe(1)
  })

  test('rejectNext fails the oldest receiver only', async () => {
    const { channel } = recording<number>(1)
    expect(channel.rejectNext(new Error('nobody'))).toBe(false)
    const first = watch(channel.receive())
    const second = watch(channel.receive())
    const error = new Error('dial')
    expect(channel.rejectNext(error)).toBe(true)
    channel.trySend(1)
    await turn()
    expect(first.error).toBe(error)
    expect(second.value).toBe(1)
  })

  test('oldestArrival compares the lines of two channels', () => {
    const [one, other] = [new Channel<number>({ capacity: 0 }), new Channel<number>({ capacity: 0 })]
    expect(one.oldestArrival).toBe(Number.POSITIVE_INFINITY)
    void one.receive()
    void other.receive()
    void one.receive()
    expect(one.oldestArrival).toBeLessThan(other.oldestArrival)
    one.trySend(1)
    expect(one.oldestArrival).toBeGreaterThan(other.oldestArrival)
  })
})

describe('an item that is buffered twice', () => {
  test('is removed where it was sent last, and the earlier one stays', () => {
    const { channel } = recording<string>(3)
    for (const item of ['a', 'b', 'a']) channel.trySend(item)
    expect(channel.remove('a')).toBe(true)
    expect(channel.tryReceive()).toEqual({ ok: true, value: 'a' })
    expect(channel.tryReceive()).toEqual({ ok: true, value: 'b' })
    expect(channel.size).toBe(0)
  })

  test('can be removed when the earlier one has been received', () => {
    const { channel } = recording<string>(3)
    for (const item of ['a', 'b', 'a']) channel.trySend(item)
    channel.tryReceive()
    expect(channel.remove('a')).toBe(true)
    expect(channel.remove('a')).toBe(false)
    expect(channel.size).toBe(1)
  })
})

test('misuse names the call, the option, the value and what is accepted', async () => {
  const make = (options: object) => () => new Channel(options as { capacity: number })
  expect(make({})).toThrow(/Channel: expected option "capacity" to be a whole number/)
  expect(make({ capacity: -1 })).toThrow(RangeError)
  expect(make({ capacity: 1, order: 'random' })).toThrow(/'fifo' or 'lifo', got 'random'/)
  expect(make({ capacity: 1, size: 1 })).toThrow(/Channel: unknown option "size", expected one of capacity/)
  const channel = new Channel<number>({ capacity: Number.POSITIVE_INFINITY })
  expect(() => channel.close('now' as 'drain')).toThrow(/Channel.close: .* "mode" to be 'drain' or 'discard'/)
  await expect(channel.receive({ timeoutMs: -1 })).rejects.toThrow(RangeError)
  await expect(channel.receive({ timeout: 1 } as object)).rejects.toThrow(/Channel.receive: unknown option/)
  await expect(channel.send(1, { signal: {} as AbortSignal })).rejects.toThrow(
    /Channel.send: .* an AbortSignal/,
  )
})

test('memory growth: 100 000 aborted receivers behind one that waits leave nothing', {
  timeout: 60_000,
}, async () => {
  const channel = new Channel<number>({ capacity: 0 })
  const first = channel.receive()
  const reason = new Error('aborted')
  const abortMany = async (): Promise<void> => {
    for (let i = 0; i < 10_000; i += 1) {
      const controller = new AbortController()
      const received = channel.receive({ signal: controller.signal, timeoutMs: 60_000 })
      controller.abort(reason)
      await expectRejection(received, reason)
    }
  }
  await abortMany()
  const before = heapUsed()
  for (let round = 0; round < 9; round += 1) await abortMany()
  expect(heapUsed() - before).toBeLessThan(2_000_000)
  expect(channel.receivers).toBe(1)
  channel.trySend(1)
  expect(await first).toBe(1)
})

async function expectRejection(promise: Promise<unknown>, reason: unknown): Promise<void> {
  const caught = await promise.catch((error: unknown) => error)
  if (caught !== reason) throw new Error('not the reason')
}

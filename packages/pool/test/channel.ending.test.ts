import { describe, expect, test } from 'vitest'
import { Channel } from '../src/channel.js'
import { PoolError } from '../src/errors.js'
import { watch } from './support/outcome.js'
import { recording } from './support/recording.js'
import { turn } from './support/turn.js'

describe('closing', () => {
  test('to drain delivers what was sent before, blocked sends included, and then ends', async () => {
    const { channel, lost } = recording<number>(1)
    channel.trySend(1)
    const blocked = channel.send(2)
    channel.close()
    channel.close('drain')
    const received: number[] = []
    for await (const item of channel) received.push(item)
    await blocked
    expect(received).toEqual([1, 2])
    expect(channel.tryReceive()).toEqual({ ok: false, closed: true })
    await expect(channel.receive()).rejects.toMatchObject({
      code: 'ERR_POOL_CHANNEL_CLOSED',
      message: 'The channel is closed',
    })
    await expect(channel.send(3)).rejects.toMatchObject({ code: 'ERR_POOL_CHANNEL_CLOSED' })
    expect(lost).toEqual([[3, 'closed']])
  })

  test('to discard reports each item once and fails blocked sends, after a drain too', async () => {
    const { channel, lost } = recording<number>(1)
    channel.trySend(1)
    const blocked = watch(channel.send(2))
    channel.close()
    channel.close('discard')
    channel.close('discard')
    await turn()
    expect(blocked.error).toMatchObject({ code: 'ERR_POOL_CHANNEL_CLOSED' })
    expect(lost).toEqual([
      [1, 'closed'],
      [2, 'closed'],
    ])
  })

  test('fails waiting receivers and ends iterations', async () => {
    const { channel } = recording<number>(1)
    const received = watch(channel.receive())
    const next = channel[Symbol.asyncIterator]().next()
    channel.close()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(received.error).toMatchObject({ code: 'ERR_POOL_CHANNEL_CLOSED' })
  })
})

describe('iterating', () => {
  test('leaves the channel as it is when the loop is left', async () => {
    const { channel } = recording<number>(3)
    for (const item of [1, 2, 3]) channel.trySend(item)
    for await (const item of channel) if (item === 2) break
    expect(channel.size).toBe(1)
    expect(channel.closed).toBe(false)
  })

  test('return() takes a pending next() out of the line, so that it swallows no item', async () => {
    const { channel } = recording<number>(0)
    const iterator = channel[Symbol.asyncIterator]()
    const next = iterator.next()
    await iterator.return?.()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(channel.trySend(1)).toBe('full')
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  test('throws what rejectNext says: only the end of the channel ends the loop in peace', async () => {
    const { channel } = recording<number>(0)
    for (const error of [new Error('dial'), new PoolError('ERR_POOL_CREATE_FAILED', 'dial')]) {
      const next = watch(channel[Symbol.asyncIterator]().next())
      channel.rejectNext(error)
      await turn()
      expect(next.error).toBe(error)
    }
  })
})

describe('onUndelivered', () => {
  test('may throw or reject without harm', () => {
    let calls = 0
    const channel = new Channel<number>({
      capacity: 2,
      onUndelivered: (item): unknown => {
        calls += 1
        if (item === 1) throw new Error('contained')
        return Promise.reject(new Error('contained'))
      },
    })
    channel.trySend(1)
    channel.trySend(2)
    channel.close('discard')
    expect(calls).toBe(2)
  })

  test('may use the channel: what it receives or removes during a discard is not reported again', () => {
    const lost: number[] = []
    const channel: Channel<number> = new Channel({
      capacity: 4,
      onUndelivered: (item) => {
        lost.push(item)
        if (item === 1) {
          channel.tryReceive()
          channel.remove(4)
          channel.close('discard')
        }
      },
    })
    for (const item of [1, 2, 3, 4]) channel.trySend(item)
    channel.close('discard')
    expect(lost).toEqual([1, 3])
  })
})

import { type EventEmitter, getEventListeners, once } from 'node:events'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { GuardedSocket } from '../src/guarded-socket.js'
import { pair } from './support/pair.js'
import { sha256 } from './support/peer.js'

const listeners = (emitter: EventEmitter): Record<string, number> =>
  Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]))

describe('interrupt', () => {
  test('ends a blocked read and keeps the socket, for the next lease to read on', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw)
    const copying = pipeline(guard, new PassThrough().resume())
    const failed = expect(copying).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    expect(await guard.interrupt()).toEqual({ validity: 'unknown', reusable: true, why: 'reusable' })
    await failed
    const next = new GuardedSocket(raw)
    await peer.write('hello')
    expect(String((await once(next, 'data'))[0])).toBe('hello')
  })

  test('gives the raw socket back as it came', async () => {
    const { raw, peer } = await pair()
    raw.allowHalfOpen = false
    const before = { listeners: listeners(raw), flowing: raw.readableFlowing, halfOpen: raw.allowHalfOpen }
    const guard = new GuardedSocket(raw)
    guard.once('data', () => void guard.interrupt())
    const closed = once(guard, 'close')
    await peer.write('one')
    await closed
    await guard.interrupt()
    await new Promise((resolve) => setImmediate(resolve))
    expect({ listeners: listeners(raw), flowing: raw.readableFlowing, halfOpen: raw.allowHalfOpen }).toEqual(
      before,
    )
    await peer.write('two')
    expect(String((await once(raw, 'data'))[0])).toBe('two')
  })

  test('says why a socket can not be used again', async () => {
    const unread = await pair()
    const waiting = new GuardedSocket(unread.raw)
    await unread.peer.write('nobody reads this')
    await once(waiting, 'readable')
    expect(await waiting.interrupt()).toEqual({ validity: 'valid', reusable: false, why: 'unread' })
    expect(String((await once(new GuardedSocket(unread.raw), 'data'))[0])).toBe('nobody reads this')

    const ended = await pair()
    const seesEnd = new GuardedSocket(ended.raw)
    seesEnd.resume()
    ended.peer.end()
    await once(seesEnd, 'end')
    expect(await seesEnd.interrupt()).toEqual({ validity: 'invalid', reusable: false, why: 'ended' })

    const stuck = await pair(true)
    const writing = new GuardedSocket(stuck.raw)
    writing.on('error', () => {})
    writing.write(Buffer.alloc(20_000_000))
    while (stuck.raw.writableLength === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await writing.interrupt({ flushMs: 20 })).toMatchObject({ reusable: false, why: 'unflushed' })

    const held = await pair()
    const used = new GuardedSocket(held.raw)
    used.retain()
    expect(await used.interrupt({ graceMs: 20 })).toMatchObject({ reusable: false, why: 'in-use' })
  })

  test('waits for those who retained it', async () => {
    const { raw } = await pair()
    const guard = new GuardedSocket(raw)
    const [release, other] = [guard.retain(), guard.retain()]
    let settled = false
    const [set, clear] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')]
    onTestFinished(() => void vi.restoreAllMocks())
    const interrupted = guard.interrupt({ graceMs: 60_000 }).then((result) => {
      settled = true
      return result
    })
    release()
    release()
    await new Promise((resolve) => setImmediate(resolve))
    expect(settled).toBe(false)
    other()
    expect(await interrupted).toMatchObject({ reusable: true })
    // The timers of this process are not all ours: the test runner has its own.
    const patience = set.mock.calls.findIndex(([, ms]) => ms === 60_000)
    expect(clear).toHaveBeenCalledWith(set.mock.results[patience]?.value)
  })

  test('lets the chunk in flight reach the peer, and nothing after it', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw)
    guard.on('error', () => {})
    guard.write('in flight')
    const interrupted = guard.interrupt()
    const late = new Promise((resolve) => guard.write(' too late', resolve))
    expect(await late).toBeInstanceOf(Error)
    expect(await interrupted).toMatchObject({ reusable: true, validity: 'valid' })
    const next = new GuardedSocket(raw)
    guard.write('a ghost')
    guard.end('a ghost')
    next.end(', next')
    expect(await peer.received).toMatchObject({ hash: sha256('in flight, next') })
  })

  test('spoils a socket when it cuts a write short', async () => {
    const { raw, peer } = await pair(true)
    const guard = new GuardedSocket(raw)
    const written = new Promise((resolve) => guard.write(Buffer.alloc(20_000_000), resolve))
    const interrupted = guard.interrupt({ flushMs: 60_000 })
    peer.socket.resume()
    expect(await interrupted).toEqual({ validity: 'invalid', reusable: false, why: 'invalid' })
    expect(await written).toMatchObject({
      code: 'ERR_RELAY_PREMATURE_CLOSE',
      message: 'the lease ended in the middle of a write',
    })
    // The kernel has what was in flight, to the byte, and not a byte of the rest.
    raw.destroy()
    expect((await peer.received).bytes).toBe(guard.bytesWritten)
  })

  test('gives one result to all who ask', async () => {
    const { raw } = await pair()
    const guard = new GuardedSocket(raw)
    expect(guard.interrupt()).toBe(guard.interrupt())
  })

  test('happens when the signal aborts, with an AbortError, and leaves no listener on the signal', async () => {
    const { raw } = await pair()
    const abort = new AbortController()
    const guard = new GuardedSocket(raw, { signal: abort.signal })
    const failed = once(guard, 'error')
    abort.abort('enough')
    expect(await failed).toMatchObject([
      { name: 'AbortError', code: 'ABORT_ERR', message: 'The lease was aborted', cause: 'enough' },
    ])
    expect(await guard.interrupt()).toMatchObject({ reusable: true })
    expect(raw.destroyed).toBe(false)
    const { signal } = new AbortController()
    const interrupted = new GuardedSocket(raw, { signal })
    await interrupted.interrupt()
    const destroyed = new GuardedSocket(raw, { signal })
    destroyed.destroy()
    await once(destroyed, 'close')
    expect([...getEventListeners(abort.signal, 'abort'), ...getEventListeners(signal, 'abort')]).toEqual([])
  })

  test('happens at once when the signal has aborted already', async () => {
    const { raw, peer } = await pair()
    await peer.write('for the next')
    const guard = new GuardedSocket(raw, { signal: AbortSignal.abort('no') })
    expect(await once(guard, 'error')).toMatchObject([{ name: 'AbortError', cause: 'no' }])
    await guard.interrupt()
    expect(String((await once(new GuardedSocket(raw), 'data'))[0])).toBe('for the next')
  })

  test('gives a listener nothing more: what waits in the buffer is for the next', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw)
    const taken: unknown[] = []
    guard.on('data', (chunk) => taken.push(chunk)).pause()
    guard.read(0)
    await peer.write('nobody takes this')
    while (guard.readableLength === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await guard.interrupt()).toMatchObject({ why: 'unread' })
    expect(taken).toEqual([])
    expect(String((await once(new GuardedSocket(raw), 'data'))[0])).toBe('nobody takes this')
  })

  test('in the middle of several chunks leaves the rest to the next, in order', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw).pause()
    guard.read(0)
    for (const [at, letter] of [...'abcd'].entries()) {
      await peer.write(letter)
      while (guard.readableLength <= at) await new Promise((resolve) => setImmediate(resolve))
    }
    let interrupted: Promise<unknown> | undefined
    guard.once('data', () => {
      interrupted = guard.interrupt()
    })
    guard.resume()
    await once(guard, 'close')
    expect(await interrupted).toMatchObject({ why: 'unread' })
    let read = ''
    const next = new GuardedSocket(raw).on('data', (chunk) => {
      read += chunk
    })
    while (next.bytesRead < 3) await new Promise((resolve) => setImmediate(resolve))
    expect(read).toBe('bcd')
  })

  test('spoils a socket whose bytes were made text and not read', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw)
    guard.setEncoding('utf8')
    await peer.write('text')
    await once(guard, 'readable')
    expect(await guard.interrupt()).toEqual({ validity: 'invalid', reusable: false, why: 'invalid' })
  })
})

import { type EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { GuardedSocket } from '../src/guarded-socket.js'
import { sha256 } from './support/peer.js'
import { clientPair, upstreamPair } from './support/wire.js'

async function pair(
  paused = false,
): Promise<{ raw: Socket; peer: Awaited<ReturnType<typeof clientPair>>['peer'] }> {
  const { inner, peer } = await clientPair(paused)
  onTestFinished(() => {
    inner.destroy()
    peer.socket.destroy()
  })
  return { raw: inner, peer }
}

const listeners = (emitter: EventEmitter): Record<string, number> =>
  Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]))

describe('a guarded socket', () => {
  test('is a Duplex: it reads, writes, and ends both ways', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw)
    peer.end('from the peer')
    let read = ''
    for await (const chunk of guard.iterator({ destroyOnReturn: false })) read += chunk
    expect(read).toBe('from the peer')
    const closed = once(guard, 'close')
    guard.end('to the peer')
    expect(await peer.received).toEqual({ bytes: 11, hash: sha256('to the peer'), ending: 'fin' })
    await closed
    expect({ read: guard.bytesRead, written: guard.bytesWritten }).toEqual({ read: 13, written: 11 })
  })

  test('is the only lease of its raw socket', async () => {
    const { raw } = await pair()
    const first = new GuardedSocket(raw)
    expect(() => new GuardedSocket(raw)).toThrow(expect.objectContaining({ code: 'ERR_RELAY_LEASED' }))
    await first.interrupt()
    expect(() => new GuardedSocket(raw)).not.toThrow()
  })

  test('refuses unknown options by name', async () => {
    const { raw } = await pair()
    expect(() => new GuardedSocket(raw, { autoDestroy: true } as never)).toThrow(
      'unknown option "autoDestroy"',
    )
  })

  test('takes the raw socket along when it is destroyed, unless told not to', async () => {
    const { raw } = await pair()
    const keeping = new GuardedSocket(raw, { autoDestroyRaw: false })
    keeping.destroy()
    await once(keeping, 'close')
    expect(raw.destroyed).toBe(false)
    expect(await keeping.interrupt()).toEqual({ validity: 'invalid', reusable: false, why: 'invalid' })
    new GuardedSocket(raw).destroy()
    expect(raw.destroyed).toBe(true)
  })

  test('fails with the error of its raw socket', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw)
    guard.resume()
    const failed = once(guard, 'error')
    peer.reset()
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
    expect(guard.validity).toBe('invalid')
  })
})

describe('interrupt', () => {
  test('ends a blocked read and keeps the socket, for the next lease to read on', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw)
    const copying = pipeline(guard, new PassThrough().resume())
    const failed = expect(copying).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    expect(await guard.interrupt()).toEqual({ validity: 'unknown', reusable: true, why: 'reusable' })
    await failed
    const next = new GuardedSocket(raw)
    peer.write('hello')
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
    expect(await written).toBeInstanceOf(Error)
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
    expect(await failed).toMatchObject([{ name: 'AbortError', cause: 'enough' }])
    expect(await guard.interrupt()).toMatchObject({ reusable: true })
    expect(raw.destroyed).toBe(false)
    const second = new GuardedSocket(raw, { signal: new AbortController().signal })
    await second.interrupt()
  })
})

describe('with an observer', () => {
  test('shows it each byte of the lease, in both directions', async () => {
    const seen = { up: '', down: '' }
    const { inner, peer } = await upstreamPair()
    onTestFinished(() => void inner.destroy())
    const guard = new GuardedSocket(inner.socket as Socket, {
      observe: {
        up: (chunk) => {
          seen.up += chunk
        },
        down: (chunk) => {
          seen.down += chunk
          return true
        },
        state: 'busy',
      },
    })
    guard.write('up')
    await peer.arrived(2)
    await peer.write('down')
    expect(String((await once(guard, 'data'))[0])).toBe('down')
    expect(seen).toEqual({ up: 'up', down: 'down' })
    peer.socket.destroy()
  })

  test('never delivers, on a reused connection, what answers no request', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw, {
      reused: true,
      observe: { up: () => {}, down: () => false, state: 'idle' },
    })
    const delivered: unknown[] = []
    guard.pipe(new Writable({ write: (chunk, _, done) => done(void delivered.push(chunk) as never) }))
    const failed = once(guard, 'error')
    await peer.write('for somebody else')
    expect(await failed).toMatchObject([{ code: 'ERR_RELAY_FOREIGN_BYTES' }])
    expect(delivered).toEqual([])
    expect(raw.destroyed).toBe(true)
  })
})

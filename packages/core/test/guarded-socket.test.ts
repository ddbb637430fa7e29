import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { GuardedSocket } from '../src/guarded-socket.js'
import { pair } from './support/pair.js'
import { sha256 } from './support/peer.js'
import { upstreamPair } from './support/wire.js'

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
    expect(() => new GuardedSocket(raw)).toThrow(
      expect.objectContaining({ code: 'ERR_RELAY_LEASED', message: 'the socket is leased already' }),
    )
    await first.interrupt()
    expect(() => new GuardedSocket(raw)).not.toThrow()
  })

  test('refuses unknown options by name', async () => {
    const { raw } = await pair()
    expect(() => new GuardedSocket(raw, { autoDestroy: true } as never)).toThrow(
      'GuardedSocket: unknown option "autoDestroy"',
    )
    const guard = new GuardedSocket(raw)
    expect(() => guard.interrupt({ waitMs: 1 } as never)).toThrow('interrupt: unknown option "waitMs"')
    expect(() => guard.interrupt({ flushMs: -1 })).toThrow(RangeError)
  })

  test("is invalid from its FIN on, or its peer's", async () => {
    const [ours, theirs] = [await pair(), await pair()]
    const ending = new GuardedSocket(ours.raw)
    ending.end()
    await once(ending, 'finish')
    expect(await ours.peer.received).toMatchObject({ ending: 'fin' })
    expect(ending.validity).toBe('invalid')
    await ours.peer.write('an answer')
    await once(ending, 'data')
    expect(ending.validity).toBe('invalid')
    const reading = new GuardedSocket(theirs.raw)
    theirs.peer.end()
    await once(reading.resume(), 'end')
    expect(reading.validity).toBe('invalid')
    await new Promise((resolve) => reading.write('an answer', resolve))
    expect(reading.bytesWritten).toBe(9)
    expect(reading.validity).toBe('invalid')
  })

  test('outlives an end of its raw socket that went around it', async () => {
    const { raw } = await pair()
    const guard = new GuardedSocket(raw)
    raw.end()
    await once(raw, 'finish')
    expect(await guard.interrupt()).toEqual({ validity: 'invalid', reusable: false, why: 'ended' })
    const other = await pair()
    const second = new GuardedSocket(other.raw)
    other.raw.destroy()
    expect(await second.interrupt()).toEqual({ validity: 'invalid', reusable: false, why: 'invalid' })
  })

  test('adopted, gives the raw socket back as it came', async () => {
    const { inner, peer } = await upstreamPair()
    inner.owned = true
    const guard = new GuardedSocket(inner.socket as Socket)
    guard.adoptRaw()
    await guard.interrupt()
    expect(inner.socket.listenerCount('drain')).toBe(0)
    inner.socket.destroy()
    peer.socket.destroy()
  })

  test('tells of a write whose socket is destroyed under it, and counts nothing of it', async () => {
    const { raw, peer } = await pair(true)
    const guard = new GuardedSocket(raw)
    guard.on('error', () => {})
    const written = new Promise((resolve) => guard.write(Buffer.alloc(20_000_000), resolve))
    while (raw.writableLength === 0) await new Promise((resolve) => setImmediate(resolve))
    raw.destroy()
    // Node 20 says nothing of it, later ones have words of their own.
    expect(await written).toMatchObject({
      code: expect.stringMatching(/^(ERR_RELAY_PREMATURE_CLOSE|ERR_STREAM_DESTROYED|ECANCELED)$/),
      message: expect.stringMatching(/destroyed|ECANCELED/),
    })
    expect(guard.validity).toBe('invalid')
    peer.socket.resume()
    expect(guard.bytesWritten).toBeLessThanOrEqual((await peer.received).bytes)
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

  test('delivers, on a connection that nobody had before, what answers no request', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw, { observe: { up: () => {}, down: () => false, state: 'idle' } })
    await peer.write('a greeting')
    expect(String((await once(guard, 'data'))[0])).toBe('a greeting')
  })

  test('is not reusable when it saw what it did not understand', async () => {
    const { raw, peer } = await pair()
    const guard = new GuardedSocket(raw, { observe: { up: () => {}, down: () => true, state: 'tainted' } })
    guard.write('up')
    await peer.arrived(2)
    expect(await guard.interrupt()).toEqual({ validity: 'valid', reusable: false, why: 'invalid' })
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
    expect(await failed).toMatchObject([
      { code: 'ERR_RELAY_FOREIGN_BYTES', message: 'the upstream sent bytes that answer no request' },
    ])
    expect(delivered).toEqual([])
    expect(raw.destroyed).toBe(true)
  })
})

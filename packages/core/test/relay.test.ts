import { randomBytes } from 'node:crypto'
import { duplexPair } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { relay } from '../src/relay.js'
import { finSentTo } from './support/kernel.js'
import { sha256 } from './support/peer.js'
import { symmetric, upstreamPair } from './support/wire.js'

const MIB = 1024 * 1024

describe('two-way copy', () => {
  symmetric('copies what one side sends, and ends with it', async (wire) => {
    const { near, far, result, nearSide } = await wire()
    const data = randomBytes(3 * MIB)
    near.end(data)
    expect(await far.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    far.end()
    expect(await near.received).toMatchObject({ bytes: 0, ending: 'fin' })
    const { reason, up, down } = await result
    expect(reason).toBe(`${nearSide}-end`)
    expect(up.bytes + down.bytes).toBe(data.length)
  })

  symmetric('copies both ways at once', async (wire) => {
    const { near, far, result } = await wire()
    const [one, two] = [randomBytes(5 * MIB), randomBytes(4 * MIB + 1)]
    near.end(one)
    far.end(two)
    expect(await far.received).toEqual({ bytes: one.length, hash: sha256(one), ending: 'fin' })
    expect(await near.received).toEqual({ bytes: two.length, hash: sha256(two), ending: 'fin' })
    expect((await result).up.bytes + (await result).down.bytes).toBe(one.length + two.length)
  })

  symmetric('delivers a late answer after the asking side sent FIN', async (wire) => {
    const { near, far, result, nearSide } = await wire()
    near.end('question')
    expect(await far.received).toMatchObject({ bytes: 8, ending: 'fin' })
    await sleep(100)
    far.end('answer')
    expect(await near.received).toEqual({ bytes: 6, hash: sha256('answer'), ending: 'fin' })
    expect((await result).reason).toBe(`${nearSide}-end`)
  })

  symmetric('delivers 8 MiB and a FIN to a side that starts to read late', async (wire) => {
    const { near, far, result } = await wire({ pausedFar: true })
    const data = randomBytes(8 * MIB)
    near.end(data)
    await sleep(200)
    far.socket.resume()
    expect(await far.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    far.end()
    await result
  })

  symmetric('goes on delivering to one side when the other has said all and heard all', async (wire) => {
    const { near, far, result, farSide } = await wire({ pausedFar: true })
    far.end()
    expect((await near.received).ending).toBe('fin')
    const data = randomBytes(12 * MIB)
    near.end(data)
    await sleep(100)
    // Read in sips, so that the near side has closed long before the last of it is taken.
    const sip = setInterval(() => {
      far.socket.resume()
      setImmediate(() => far.bytes < 11 * MIB && far.socket.pause())
    }, 5)
    await near.closed()
    clearInterval(sip)
    far.socket.resume()
    expect(await far.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    const { reason, error } = await result
    expect({ reason, error }).toEqual({ reason: `${farSide}-end`, error: undefined })
  })

  symmetric('ends an empty session', async (wire) => {
    const { near, far, result } = await wire()
    near.end()
    far.end()
    expect((await near.received).ending).toBe('fin')
    expect((await far.received).ending).toBe('fin')
    expect(await result).toMatchObject({ up: { bytes: 0 }, down: { bytes: 0 } })
  })
})

describe("halfClose: 'close'", () => {
  symmetric("ends both sides with the first one's FIN, after its bytes are delivered", async (wire) => {
    const { near, far, result, nearSide } = await wire({ halfClose: 'close', pausedFar: true })
    const data = randomBytes(2 * MIB)
    near.end(data)
    expect((await near.received).ending).toBe('fin')
    far.socket.resume()
    expect(await far.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    expect((await result).reason).toBe(`${nearSide}-end`)
  })
})

describe('reset', () => {
  symmetric('passes on to an idle side', async (wire) => {
    const { near, far, result, nearSide } = await wire()
    await near.write('hello')
    await far.arrived(5)
    near.reset()
    expect(await far.received).toMatchObject({ bytes: 5, ending: 'reset' })
    expect(await result).toMatchObject({
      reason: `${nearSide}-reset`,
      error: { code: 'ERR_RELAY_RESET', side: nearSide },
    })
  })

  symmetric('passes on to a side that was sent nothing', async (wire) => {
    const { near, far, result, nearSide } = await wire()
    near.reset()
    expect(await far.received).toMatchObject({ bytes: 0, ending: 'reset' })
    expect((await result).reason).toBe(`${nearSide}-reset`)
  })

  symmetric('passes on after the other side sent FIN', async (wire) => {
    const { near, far, result, nearSide } = await wire()
    far.end('question')
    await near.received
    await near.write('half an ans')
    await far.arrived(11)
    near.reset()
    await result
    expect((await result).reason).toBe(`${nearSide}-reset`)
    expect((await far.received).bytes).toBe(11)
  })

  symmetric('comes behind everything sent before it, to a late reader', async (wire) => {
    const { near, far, result, nearSide } = await wire({ pausedFar: true })
    const data = randomBytes(6 * MIB)
    // The reset is sent when the kernel of the relay has it all: what the sender's kernel still holds dies with the reset.
    await near.write(data)
    await sleep(200)
    near.reset()
    await sleep(100)
    far.socket.resume()
    const { bytes, ending } = await far.received
    expect(ending).toBe('reset')
    const handed = await result
    expect(bytes).toBe(handed.up.bytes + handed.down.bytes)
    expect(handed.reason).toBe(`${nearSide}-reset`)
  })

  symmetric('stops a sender whose reader has gone, at once', async (wire) => {
    const { near, far, result, nearSide } = await wire()
    const chunk = Buffer.alloc(64 * 1024)
    const pump = (): void => {
      while (!far.socket.destroyed && far.socket.write(chunk));
    }
    far.socket.on('drain', pump)
    pump()
    await near.arrived(MIB)
    near.reset()
    expect((await far.received).ending).toBe('reset')
    expect((await result).reason).toBe(`${nearSide}-reset`)
  })

  symmetric('does not cut a stream that was whole: FIN, then a reset', async (wire) => {
    const { near, far, result, nearSide } = await wire({ pausedFar: true })
    const data = randomBytes(MIB / 2)
    near.end(data)
    await new Promise((resolve) => near.socket.once('finish', resolve))
    await far.write('answer')
    await near.arrived(6)
    await finSentTo(far.socket)
    near.reset()
    // Behind its FIN a reset is seen by the next write alone: nobody reads that side any more.
    await far.write('more')
    far.socket.resume()
    expect(await far.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    expect((await result).reason).toBe(`${nearSide}-reset`)
  })
})

describe('deadlines', () => {
  symmetric('cuts an idle session, and both sides see a reset', async (wire) => {
    const { near, far, result } = await wire({ idleTimeoutMs: 100 })
    await near.write('x')
    await far.arrived(1)
    expect(await result).toMatchObject({ reason: 'idle-timeout' })
    expect((await near.received).ending).toBe('reset')
    expect((await far.received).ending).toBe('reset')
  })

  symmetric('keeps a dripping session alive until its maximum duration', async (wire) => {
    const { near, far, result } = await wire({ idleTimeoutMs: 150, maxDurationMs: 600 })
    const drip = setInterval(() => near.socket.destroyed || near.socket.write('.'), 50)
    const { reason, durationMs } = await result
    clearInterval(drip)
    expect(reason).toBe('max-duration')
    expect(durationMs).toBeGreaterThanOrEqual(590)
    expect((await far.received).ending).toBe('reset')
  })

  symmetric(
    'cuts a half-closed session when nothing moves any more, and resets only the side without a FIN',
    async (wire) => {
      const { near, far, result } = await wire({ lingerMs: 100 })
      near.end('bye')
      expect(await result).toMatchObject({ reason: 'linger-timeout' })
      expect(await far.received).toMatchObject({ bytes: 3, ending: 'fin' })
    },
  )

  symmetric('ends a session whose reader never reads and never closes', async (wire) => {
    const { near, result } = await wire({ idleTimeoutMs: 200, pausedFar: true })
    near.socket.write(randomBytes(20 * MIB))
    expect((await result).reason).toBe('idle-timeout')
  })
})

describe('a client that is no socket', () => {
  test('gets every byte, though it reads late and keeps what it was given', async () => {
    const { inner, peer } = await upstreamPair()
    const [client, other] = duplexPair({ readableHighWaterMark: 10 * MIB })
    const result = relay(client, inner.socket)
    const data = randomBytes(2 * MIB)
    // In pieces, so that many reads go through the same memory before the first of them is looked at.
    for (let at = 0; at < data.length; at += 3_000) await peer.write(data.subarray(at, at + 3_000))
    peer.end()
    const received: Buffer[] = []
    for await (const chunk of other.iterator({ destroyOnReturn: false })) received.push(chunk)
    other.end()
    expect(sha256(Buffer.concat(received))).toBe(sha256(data))
    expect((await result).reason).toBe('upstream-end')
  })
})

describe('signal', () => {
  symmetric('cuts the session as interrupted', async (wire) => {
    const abort = new AbortController()
    const { near, far, result } = await wire({ signal: abort.signal })
    await near.write('x')
    await far.arrived(1)
    abort.abort()
    expect(await result).toMatchObject({ reason: 'interrupted' })
    expect((await far.received).ending).toBe('reset')
  })
})

import { describe, expect, onTestFinished, test } from 'vitest'
import type { RelayResult } from '../src/close-reason.js'
import { type RelayOptions, relay } from '../src/relay.js'
import type { Peer } from './support/peer.js'
import { clientPair, upstreamPair } from './support/wire.js'

interface Between {
  readonly client: Peer
  readonly upstream: Peer
  readonly result: Promise<RelayResult>
}

async function between(options: RelayOptions = {}): Promise<Between> {
  const [client, upstream] = [await clientPair(), await upstreamPair()]
  onTestFinished(() => {
    client.peer.socket.destroy()
    upstream.peer.socket.destroy()
  })
  return {
    client: client.peer,
    upstream: upstream.peer,
    result: relay(client.inner, upstream.inner.socket, options),
  }
}

describe('a result', () => {
  test('counts each direction, and the time to the first byte of an answer', async () => {
    const startedAt = performance.now()
    const { client, upstream, result } = await between()
    await client.write('question')
    await upstream.arrived(8)
    const askedAt = performance.now()
    await upstream.write('an answer')
    await client.arrived(9)
    client.end()
    upstream.end()
    const { up, down, firstByteMs, durationMs } = await result
    expect([up, down]).toEqual([{ bytes: 8 }, { bytes: 9 }])
    const tookMs = performance.now() - startedAt
    expect(firstByteMs).toBeGreaterThan(0)
    expect(firstByteMs).toBeLessThanOrEqual(durationMs)
    expect(durationMs).toBeLessThanOrEqual(tookMs)
    // It is that of the first byte, and no earlier one: the question took its time.
    expect(durationMs - (firstByteMs ?? 0)).toBeLessThanOrEqual(performance.now() - askedAt)
  })

  test('has no time of a first byte when only the client has spoken', async () => {
    const { client, upstream, result } = await between()
    client.end('hello')
    upstream.end()
    expect(await result).not.toHaveProperty('firstByteMs')
  })

  test('names the side that went first, though the other goes, too', async () => {
    for (const first of ['client', 'upstream'] as const) {
      const wire = await between()
      const second = first === 'client' ? 'upstream' : 'client'
      wire[first].end()
      await wire[second].received
      wire[second].end()
      expect((await wire.result).reason).toBe(`${first}-end`)
    }
  })

  test('of an interrupted session stays as it is, whatever its sides do then', async () => {
    const controller = new AbortController()
    const { client, upstream, result } = await between({ signal: controller.signal })
    await client.write('x')
    await upstream.arrived(1)
    controller.abort()
    client.reset()
    upstream.end()
    expect((await result).reason).toBe('interrupted')
  })
})

describe('after the first FIN', () => {
  // Each is the one that holds: the shorter of two, or the only one.
  test.each([
    { lingerMs: 50, idleTimeoutMs: 60_000 },
    { lingerMs: 60_000, idleTimeoutMs: 50 },
    { lingerMs: 0, idleTimeoutMs: 50 },
    { lingerMs: 50, idleTimeoutMs: 0 },
  ])('a session where nothing moves is cut: %o', async (options) => {
    const { client, upstream, result } = await between(options)
    client.end('bye')
    expect((await result).reason).toBe('linger-timeout')
    expect(await upstream.received).toMatchObject({ bytes: 3, ending: 'fin' })
    expect((await client.received).ending).toBe('reset')
  })

  test('a session without either deadline goes on, to its maximum duration', async () => {
    const { client, result } = await between({ lingerMs: 0, idleTimeoutMs: 0, maxDurationMs: 200 })
    client.end('bye')
    expect((await result).reason).toBe('max-duration')
  })

  test("with halfClose 'close' the other side is closed at once, though it would go on", async () => {
    for (const first of ['client', 'upstream'] as const) {
      const wire = await between({ halfClose: 'close' })
      const second = first === 'client' ? 'upstream' : 'client'
      wire[first].end('last words')
      expect(await wire[second].received).toMatchObject({ bytes: 10, ending: 'fin' })
      expect(await wire[first].received).toMatchObject({ bytes: 0, ending: 'fin' })
      expect((await wire.result).reason).toBe(`${first}-end`)
    }
  })
})

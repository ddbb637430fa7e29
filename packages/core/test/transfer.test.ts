import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { relay } from '../src/relay.js'
import type { Stage } from '../src/stage.js'
import { THROUGH } from './support/through.js'
import { clientPair, upstreamPair } from './support/wire.js'

const KIB = 1024
// More than the kernel holds for two loopback connections.
const BYTES = 24 * 1024 * KIB
const PIECE = Buffer.alloc(64 * KIB, 'x')
// As relay() has it for each direction: a read on top of a high-water mark, in the sink and in the source.
const BOUND = 160 * KIB

describe.each(['no stage', 'functions'])('through %s', (kind) => {
  const stages = THROUGH[kind] as readonly Stage[]

  test.each(['client', 'upstream'] as const)(
    'no more than a read and a high-water mark waits for a %s that does not read, and all of it comes when it does',
    async (slow) => {
      const paused = (side: string): boolean => side === slow
      const [client, upstream] = [await clientPair(paused('client')), await upstreamPair(paused('upstream'))]
      onTestFinished(() => {
        client.peer.socket.destroy()
        upstream.peer.socket.destroy()
      })
      const sink = slow === 'client' ? client.inner : upstream.inner.socket
      const source = slow === 'client' ? upstream.inner.socket : client.inner
      const [from, to] = slow === 'client' ? [upstream.peer, client.peer] : [client.peer, upstream.peer]
      const result = relay(client.inner, upstream.inner.socket, { stages })

      for (let at = 0; at < BYTES; at += 64 * KIB) from.socket.write(PIECE)
      from.end()
      let waiting = 0
      const look = (): void => {
        // Wherever it waits: read from the one, and not yet in the other's kernel.
        const sent = (sink as Socket).bytesWritten - sink.writableLength
        waiting = Math.max(waiting, (source as Socket).bytesRead - sent)
      }
      while (sink.writableLength === 0) {
        await turn()
        look()
      }
      // What the sender has still not got rid of says that the relay has stopped reading.
      let left = -1
      while (left !== from.socket.writableLength) {
        left = from.socket.writableLength
        for (let turns = 0; turns < 100; turns += 1) {
          await turn()
          look()
        }
      }
      expect(left).toBeGreaterThan(0)
      expect(waiting).toBeLessThanOrEqual(BOUND)

      to.socket.resume()
      to.end()
      expect(await to.received).toMatchObject({ bytes: BYTES, ending: 'fin' })
      expect((await result).up.bytes + (await result).down.bytes).toBe(BYTES)
    },
  )
})

test('a small piece that the kernel has no room for stops the reading, and what comes behind it is not held back for ever', async () => {
  const [client, upstream] = [await clientPair(true), await upstreamPair()]
  const [source, sink] = [upstream.inner.socket as Socket, client.inner]
  const result = relay(sink, source)
  let sent = 0
  // One read each. A large one makes the relay read into memory that it lends, where it stays for the small ones behind it: it may read
  // on only when that is free again.
  const pieces = [24, ...Array<number>(12).fill(8)].map((kib) => PIECE.subarray(0, kib * KIB))
  for (
    let at = 0;
    sink.writableLength === 0 || sink.writableLength > 16 * KIB;
    at = (at + 1) % pieces.length
  ) {
    const piece = pieces[at] as Buffer
    await upstream.peer.write(piece)
    sent += piece.length
    while (source.bytesRead < sent && sink.writableLength === 0) await turn()
    // It was a large one that the kernel had no room for.
    if (sink.writableLength > 16 * KIB) client.peer.socket.resume()
    while (sink.writableLength > 16 * KIB) await turn()
    client.peer.socket.pause()
  }
  const read = source.bytesRead
  await upstream.peer.write(PIECE.subarray(0, 8 * KIB))
  sent += 8 * KIB
  for (let turns = 0; turns < 10; turns += 1) await turn()
  expect(source.bytesRead).toBe(read)
  upstream.peer.end('the end')
  client.peer.socket.resume()
  expect(await client.peer.received).toMatchObject({ bytes: sent + 7, ending: 'fin' })
  client.peer.end()
  await result
})

test.each([
  ['as the server does', false],
  ['by others', true],
])(
  'what had been received of a client, accepted %s, is delivered, though it is gone before the other reads on',
  async (_by, plain) => {
    const [client, upstream] = [await clientPair(false, plain), await upstreamPair(true)]
    const [source, sink] = [client.inner, upstream.inner.socket]
    const result = relay(source, sink)
    for (let read = -1; read !== source.bytesRead; ) {
      read = source.bytesRead
      for (let pieces = 0; pieces < 40; pieces += 1) client.peer.socket.write(PIECE)
      for (let turns = 0; turns < 100; turns += 1) await turn()
    }
    client.peer.reset()
    // Nobody reads the client now: only a write to it finds out.
    await upstream.peer.write('an answer to nobody')
    while (!source.destroyed && source.errored === null) await turn()
    upstream.peer.socket.resume()
    expect(await upstream.peer.received).toMatchObject({ bytes: source.bytesRead, ending: 'reset' })
    expect(await result).toMatchObject({ reason: 'client-reset', up: { bytes: source.bytesRead } })
    upstream.peer.socket.destroy()
  },
)

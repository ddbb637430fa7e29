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
        waiting = Math.max(waiting, sink.writableLength + source.readableLength)
      }
      while (waiting === 0) {
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

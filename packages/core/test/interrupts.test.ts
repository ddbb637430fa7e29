import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { GuardedSocket } from '../src/guarded-socket.js'
import { certificate } from './support/certificate.js'
import { random, seed } from './support/random.js'
import { clientPair, upstreamPair } from './support/wire.js'

const INTERRUPTS = Number(process.env.RELAY_INTERRUPTS ?? 2_500)

// What stands at each position of a stream: a byte that is lost or doubled shifts all that follow.
const PERIOD = 65_521
const SEQUENCE = Buffer.from(
  Array.from({ length: 4 * PERIOD }, (_, at) => ((at % PERIOD) * 167 + ((at % PERIOD) >> 8)) & 0xff),
)
const piece = (at: number, bytes: number): Buffer => SEQUENCE.subarray(at % PERIOD, (at % PERIOD) + bytes)

class Checker {
  bytes = 0
  wrongAt = -1
  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const bytes = Math.min(chunk.length - at, PERIOD)
      if (this.wrongAt < 0 && !piece(this.bytes, bytes).equals(chunk.subarray(at, at + bytes)))
        this.wrongAt = this.bytes
      this.bytes += bytes
      at += bytes
    }
  }
}

const consumers: readonly ((guard: GuardedSocket, taken: Checker) => void)[] = [
  (guard, taken) => void guard.on('data', (chunk) => taken.take(chunk)),
  (guard, taken) =>
    void guard.on('readable', () => {
      for (let chunk = guard.read(); chunk !== null; chunk = guard.read()) taken.take(chunk)
    }),
  (guard, taken) =>
    void guard.on('readable', () => {
      for (let chunk = guard.read(1_000); chunk !== null; chunk = guard.read(1_000)) taken.take(chunk)
    }),
  (guard, taken) => void guard.pipe(sink(taken)),
  (guard, taken) => void pipeline(guard, sink(taken)).catch(() => {}),
  (guard, taken) =>
    void (async () => {
      for await (const chunk of guard) taken.take(chunk)
    })().catch(() => {}),
  (guard, taken) =>
    void guard.on('readable', () => {
      const chunk: Buffer | null = guard.read()
      if (chunk === null) return
      const half = Math.ceil(chunk.length / 2)
      if (half < chunk.length) guard.unshift(chunk.subarray(half))
      taken.take(chunk.subarray(0, half))
    }),
  () => {},
]

function sink(taken: Checker): Writable {
  // Takes at once: what waits in a destination's own buffer could not be returned.
  return new Writable({
    highWaterMark: 1,
    write: (chunk, _encoding, done) => {
      taken.take(chunk)
      done()
    },
  })
}

async function interruptUnderLoad(raw: Socket, peer: Socket, owned: boolean): Promise<void> {
  const { int, pick } = random(seed)
  const [down, up] = [new Checker(), new Checker()]
  peer.on('data', (chunk: Buffer) => up.take(chunk))
  let sent = 0
  let stopped = false
  const feed = (): void => {
    while (!stopped && !peer.destroyed) {
      const bytes = 1 + int(30_000)
      const more = peer.write(piece(sent, bytes))
      sent += bytes
      if (!more) return
      if (int(3) === 0) return void setImmediate(feed)
    }
  }
  peer.on('drain', () => setImmediate(feed))
  feed()

  const baseline = owned ? undefined : raw.eventNames().length
  let written = 0
  for (let lease = 0; lease < INTERRUPTS; lease++) {
    const guard = new GuardedSocket(raw)
    guard.on('error', () => {})
    pick(consumers)(guard, down)
    let offset = written
    for (let chunks = int(4); chunks > 0; chunks--) {
      const bytes = 1 + int(pick([100, 100_000]))
      guard.write(piece(offset, bytes))
      offset += bytes
    }
    for (let turns = int(6); turns > 0; turns--) await turn()
    const abandoned = guard.interrupt({ flushMs: 10_000 })
    guard.write('a late write of an old guard')
    await abandoned
    written += guard.bytesWritten
    if (baseline !== undefined)
      expect(raw.eventNames().length, `listeners after lease ${lease}, seed ${seed}`).toBe(baseline)
  }

  // What is still on its way arrives, and not a byte more.
  stopped = true
  const last = new GuardedSocket(raw)
  last.on('data', (chunk) => down.take(chunk))
  while (down.bytes < sent || up.bytes < written) await turn()
  expect({ down: down.wrongAt, up: up.wrongAt }, `first wrong byte, seed ${seed}`).toEqual({
    down: -1,
    up: -1,
  })
  expect({ down: down.bytes, up: up.bytes }).toEqual({ down: sent, up: written })
  last.destroy()
  peer.destroy()
}

describe(`${INTERRUPTS} interrupts at random points under load (seed ${seed})`, () => {
  test('lose and double no byte of an accepted socket, which comes back as it was', {
    timeout: 120_000,
  }, async () => {
    const { inner, peer } = await clientPair(false, true)
    peer.socket.removeAllListeners('data')
    await interruptUnderLoad(inner, peer.socket, false)
  })

  test('lose and double no byte of a dialed socket', { timeout: 120_000 }, async () => {
    const { inner, peer } = await upstreamPair()
    peer.socket.removeAllListeners('data')
    await interruptUnderLoad(inner.socket as Socket, peer.socket, true)
    await once(inner.socket, 'close').catch(() => {})
  })

  for (const side of ['server', 'client'] as const) {
    test(`lose and double no byte of the ${side}'s end of TLS`, { timeout: 120_000 }, async () => {
      const pem = certificate()
      const { inner, peer } = await clientPair()
      peer.socket.removeAllListeners()
      const server = new TLSSocket(inner, { isServer: true, ...pem })
      const client = connectTls({ socket: peer.socket, ca: pem.cert, servername: 'localhost' })
      server.on('error', () => {})
      client.on('error', () => {})
      await once(client, 'secureConnect')
      const [raw, other] = side === 'server' ? [server, client] : [client, server]
      await interruptUnderLoad(raw, other, false)
      for (const socket of [server, client, inner, peer.socket]) socket.destroy()
    })
  }
})

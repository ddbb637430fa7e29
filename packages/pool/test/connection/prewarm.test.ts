import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Peer, sha256 } from '../../../core/test/support/peer.js'
import { random, seed } from '../../../core/test/support/random.js'
import { client, echo } from '../../../core/test/support/upstream.js'
import { type Kind, pooled, relayed } from './pooled.js'

const KIB = 1024

/** Closes a connection that has sent nothing for a while, as servers do that count silent ones. */
function impatient(periodMs: number, how: 'fin' | 'reset'): (peer: Peer) => void {
  return (peer) => {
    let silent = true
    const timer = setTimeout(async () => {
      // It runs in our process: what is on its way to it has not been kept back by its own clock alone.
      for (let turn = 0; turn < 20; turn++) await nextTurn()
      if (!silent || peer.socket.destroyed) return
      if (how === 'fin') peer.end()
      else peer.reset()
    }, periodMs)
    peer.socket.once('data', () => {
      silent = false
      clearTimeout(timer)
    })
    peer.socket.once('close', () => clearTimeout(timer))
    echo(peer)
  }
}

describe.each<Kind>(['tcp', 'tls'])('over %s', (kind) => {
  test.each<[number | 'auto', number]>([
    [8, 4],
    ['auto', 1],
  ])(
    'prewarm: %s - of 60 sessions none has a SYN or a handshake between its accept and its first byte upstream',
    async (prewarm, atOnce) => {
      let ready = 0
      const readyAt = new Map<string, number>()
      const openAt = new Map<string, number>()
      const onOpen = (message: unknown): void => {
        const { info } = message as { info: { client: { port: number } } }
        openAt.set(String(info.client.port), performance.now())
      }
      subscribe('relay:session:open', onOpen)
      onTestFinished(() => void unsubscribe('relay:session:open', onOpen))
      const { pool } = await pooled(
        { prewarm },
        (peer) => {
          // Over TLS this is 'secureConnection': the handshake is over, for both.
          const now = performance.now()
          ready++
          peer.socket.once('data', (chunk: Buffer) => readyAt.set(chunk.toString(), now))
          echo(peer)
        },
        kind,
      )
      const relay = await relayed(pool)
      for (let session = 0; session < 60; session += atOnce) {
        const quiet = (): boolean => {
          const { idle, dialing, created } = pool.stats()
          return idle >= atOnce && dialing === 0 && ready === created
        }
        await expect.poll(quiet, { interval: 2, timeout: 5_000 }).toBe(true)
        await Promise.all(
          Array.from({ length: atOnce }, async () => {
            const caller = await client(relay.address)
            const { port } = caller.socket.address() as AddressInfo
            caller.end(`${port}`)
            expect(await caller.received).toMatchObject({ hash: sha256(`${port}`), ending: 'fin' })
          }),
        )
      }
      await relay.result(59)
      expect([readyAt.size, openAt.size]).toEqual([60, 60])
      expect(pool.stats()).toMatchObject({ hits: 60, misses: 0 })
      expect(pool.stats().lent).toEqual({ prewarmed: 60, dialed: 0, reused: 0 })
      expect(relay.server.stats().closed).toEqual({ 'client-end': 60 })
      const late = [...openAt].filter(([port, at]) => (readyAt.get(port) ?? at) >= at)
      expect(late).toEqual([])
    },
  )

  test.each([0, 24, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 300 * KIB])(
    'a greeting of %i bytes with FIN right behind it arrives whole, with its FIN, in each of 12 sessions',
    async (bytes) => {
      const greeting = Buffer.alloc(bytes, 'greetings! ')
      const { pool, server } = await pooled({ prewarm: 2 }, (peer) => peer.end(greeting), kind)
      const relay = await relayed(pool)
      for (let session = 0; session < 12; session++) {
        // The first few find connections in every state of being opened, greeted and given up.
        if (session > 6)
          await expect.poll(() => pool.stats().dialing, { interval: 2, timeout: 10_000 }).toBe(0)
        const caller = await client(relay.address)
        expect(await caller.received).toEqual({ bytes, hash: sha256(greeting), ending: 'fin' })
        caller.end()
        await relay.result(session)
      }
      expect(relay.server.stats().closed).toEqual({ 'upstream-end': 12 })
      expect(server.accepted).toBeLessThan(60)
    },
  )
})

test('an upstream that closes unused connections after a second costs none of 5 x 24 sessions over many seconds', async () => {
  // A TLS server of Node's can't reset.
  const variants: readonly [Kind, 'fin' | 'reset', number | 'auto'][] = [
    ['tcp', 'fin', 4],
    ['tcp', 'fin', 'auto'],
    ['tcp', 'reset', 4],
    ['tcp', 'reset', 'auto'],
    ['tls', 'fin', 4],
  ]
  await Promise.all(
    variants.map(async ([kind, how, prewarm], index) => {
      const { int } = random(seed + index)
      const { pool, server } = await pooled({ prewarm }, impatient(1_000, how), kind)
      const relay = await relayed(pool)
      // Those that were opened first are closed on the pool, and teach it how long they live.
      const reason = how === 'fin' ? 'upstream-end' : 'upstream-reset'
      await expect.poll(() => pool.stats().closed[reason], { timeout: 5_000 }).toBeGreaterThan(0)
      for (let session = 0; session < 24; session++) {
        await sleep(int(600))
        const caller = await client(relay.address)
        if (session % 8 === 4) {
          // Silent for so long that the upstream closes its connection, too: it gets another one.
          const { accepted } = server
          await expect.poll(() => server.accepted, { timeout: 5_000 }).toBeGreaterThan(accepted)
        }
        caller.end(`session ${session}`)
        expect(
          await caller.received,
          `${kind} ${how} ${prewarm}, session ${session}, seed ${seed}`,
        ).toMatchObject({
          hash: sha256(`session ${session}`),
          ending: 'fin',
        })
      }
      const { closed } = relay.server.stats()
      expect(closed, `seed ${seed}, ${kind}, ${how}, ${prewarm}`).toEqual({ 'client-end': 24 })
      expect(pool.stats().lent.prewarmed).toBeGreaterThan(0)
    }),
  )
})

test.each(['fin', 'reset'] as const)(
  'an upstream that closes unused connections by %s is dialed far less than naive refilling would, while no client comes',
  async (how) => {
    const [size, periodMs] = [4, 50]
    const { pool, server } = await pooled({ prewarm: size }, impatient(periodMs, how))
    // A connection is open for the pool before the server is told.
    await expect.poll(() => server.accepted, { interval: 2, timeout: 10_000 }).toBe(size)
    const before = server.accepted
    const startedAt = performance.now()
    await sleep(1_700)
    const naive = ((performance.now() - startedAt) / periodMs) * size
    // Behind pauses of 0.5 and 1 second two rounds have been opened since; the next pause is of 2 seconds.
    expect(server.accepted - before).toBeLessThanOrEqual(2 * size)
    expect(server.accepted - before).toBeLessThan(naive / 10)
    await expect.poll(() => pool.stats(), { timeout: 10_000 }).toMatchObject({ idle: 0, prewarmTarget: 0 })
    // A client ends the pause.
    const { accepted } = server
    const relay = await relayed(pool)
    const caller = await client(relay.address)
    caller.end('back')
    expect(await caller.received).toMatchObject({ hash: sha256('back'), ending: 'fin' })
    await expect.poll(() => server.accepted - accepted, { timeout: 10_000 }).toBeGreaterThanOrEqual(size)
  },
)

test('a connection opened ahead that stays unused is closed at prewarmMaxAgeMs, and another one opened', async () => {
  const { pool, peer } = await pooled({ prewarm: 1, prewarmMaxAgeMs: 30 })
  expect(await (await peer(0)).received).toMatchObject({ bytes: 0, ending: 'fin' })
  expect(await (await peer(1)).received).toMatchObject({ bytes: 0, ending: 'fin' })
  expect(Object.keys(pool.stats().closed)).toEqual(['idle-timeout'])
  expect(pool.stats().prewarmTarget).toBe(1)
})

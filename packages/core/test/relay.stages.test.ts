import { describe, expect, onTestFinished, test } from 'vitest'
import type { RelayResult } from '../src/close-reason.js'
import { type RelayOptions, relay } from '../src/relay.js'
import { flushable, type Stage, type StageContext, type Steps } from '../src/stage.js'
import { limitBytes } from '../src/stages/index.js'
import { type Peer, sha256 } from './support/peer.js'
import { clientPair, upstreamPair } from './support/wire.js'

interface Between {
  readonly client: Peer
  readonly upstream: Peer
  readonly result: Promise<RelayResult>
}

async function between(stages: readonly Stage[], options: RelayOptions = {}): Promise<Between> {
  const [client, upstream] = [await clientPair(), await upstreamPair()]
  onTestFinished(() => {
    client.peer.socket.destroy()
    upstream.peer.socket.destroy()
  })
  const result = relay(client.inner, upstream.inner.socket, { ...options, stages })
  return { client: client.peer, upstream: upstream.peer, result }
}

const sides = [
  ['up', 'client', 'upstream'],
  ['down', 'upstream', 'client'],
] as const

/** Lets everything pass, and gives `tail` at the end of its input. */
const withTail = (name: string, tail: () => string | Promise<string>): Stage => {
  const steps = (): Steps => flushable((chunk: Buffer) => chunk, tail as never)
  return { name, up: steps, down: steps }
}

describe.each(sides)('a stage on the way %s', (direction, from, to) => {
  test('that fails cuts its session: both sides are reset, and the result names the stage and why', async () => {
    const steps = (): Steps => () => {
      throw new Error('no')
    }
    const wire = await between([{ name: 'picky', [direction]: steps }])
    await wire[from].write('x')
    expect(await wire.result).toMatchObject({
      reason: 'stage-error',
      stage: { name: 'picky', direction },
      error: { message: expect.stringContaining('no') },
    })
    expect((await wire.client.received).ending).toBe('reset')
    expect((await wire.upstream.received).ending).toBe('reset')
  })

  test('that stops ends its session: what it gave is delivered, then both see a FIN', async () => {
    const wire = await between([{ name: 'limit', [direction]: limitBytes({ bytes: 3 })[direction] }])
    await wire[from].write('abcdef')
    expect(await wire[to].received).toEqual({ bytes: 3, hash: sha256('abc'), ending: 'fin' })
    expect((await wire[from].received).ending).toBe('fin')
    expect(await wire.result).toMatchObject({
      reason: 'stage-end',
      stage: { name: 'limit', direction },
      [direction]: { bytes: 3 },
    })
  })

  test.each(['forward', 'close'] as const)(
    'gives its tail behind all that went through, before the FIN (halfClose: %s)',
    async (halfClose) => {
      const wire = await between([withTail('tail', () => ' and a tail')], { halfClose })
      wire[from].end('a body')
      const received = 'a body and a tail'
      expect(await wire[to].received).toEqual({
        bytes: received.length,
        hash: sha256(received),
        ending: 'fin',
      })
      wire[to].end()
      expect((await wire.result).reason).toBe(`${from}-end`)
    },
  )

  test('gives its tail when its input is reset, too, before the reset', async () => {
    const wire = await between([withTail('tail', () => ' and a tail')])
    await wire[from].write('a body')
    await wire[to].arrived(6)
    wire[from].reset()
    expect(await wire[to].received).toEqual({ bytes: 17, hash: sha256('a body and a tail'), ending: 'reset' })
    expect((await wire.result).reason).toBe(`${from}-reset`)
  })

  test('that does not end after its input did is named, when nothing moves for the linger time', async () => {
    const wire = await between([withTail('stuck', () => new Promise(() => {}))], { lingerMs: 50 })
    wire[from].end('a body')
    expect(await wire.result).toMatchObject({
      reason: 'stage-error',
      stage: { name: 'stuck', direction },
      error: { message: expect.stringContaining('is not done with what it was given') },
    })
    expect((await wire[to].received).ending).toBe('reset')
  })

  test.each(['forward', 'close'] as const)(
    'that fails with its tail changes nothing of who ended the session, and holds up nobody (halfClose: %s)',
    async (halfClose) => {
      const fail = (): never => {
        throw new Error('no tail')
      }
      const wire = await between([withTail('brittle', fail)], { halfClose, lingerMs: 5_000 })
      wire[from].end('a body')
      const { reason } = await wire.result
      expect(reason).toBe(halfClose === 'close' ? `${from}-end` : 'stage-error')
      expect((await wire[to].received).ending).toBe('reset')
    },
  )
})

test('a stage is closed once and its signal aborted, however the session ends', async () => {
  const ends: ((wire: Between) => unknown)[] = [
    ({ client, upstream }) => [client.end(), upstream.end()],
    ({ client }) => client.reset(),
    ({ upstream }) => upstream.reset(),
    ({ client }) => client.write('fail'),
  ]
  for (const end of ends) {
    let closed = 0
    let signal: AbortSignal | undefined
    const stage: Stage = {
      name: 'counted',
      open: () => ({
        up: (context: StageContext) => {
          signal = context.signal
          return () => {
            throw new Error('no')
          }
        },
        close: () => {
          closed += 1
        },
      }),
    }
    const wire = await between([stage])
    expect(signal?.aborted).toBe(false)
    end(wire)
    await wire.result
    expect({ closed, aborted: signal?.aborted }).toEqual({ closed: 1, aborted: true })
  }
})

import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Channel, type Undelivered } from '../src/channel.js'
import { type Outcome, watch } from './support/outcome.js'
import { runs } from './support/runs.js'
import { turn } from './support/turn.js'

interface Item {
  readonly id: number
}

/** The channel as its documentation has it, with arrays. */
interface Model {
  buffer: number[]
  receivers: number[]
  senders: { readonly send: number; readonly item: number }[]
  lost: [number, Undelivered][]
  /** What each receive and send should have come to. */
  receives: ('pending' | 'closed' | 'aborted' | 'rejected' | number)[]
  sends: ('pending' | 'closed' | 'aborted' | 'sent')[]
  items: number
  sent: number
  /** Received by tryReceive. */
  tried: number
  removed: number
  closed: boolean
}

interface Real {
  readonly channel: Channel<Item>
  readonly items: Item[]
  readonly lost: [number, Undelivered][]
  readonly receives: { readonly outcome: Outcome<Item>; readonly abort: AbortController }[]
  readonly sends: { readonly outcome: Outcome<void>; readonly abort: AbortController }[]
}

type Command = fc.AsyncCommand<Model, Real>

const REJECTED = new Error('rejectNext')
const ABORTED = new Error('abort')

function suite(capacity: number, order: 'fifo' | 'lifo'): fc.Arbitrary<Iterable<Command>> {
  const take = (m: Model): number | undefined => {
    const taken = order === 'lifo' ? m.buffer.pop() : m.buffer.shift()
    if (taken === undefined) {
      const sender = m.senders.shift()
      if (sender !== undefined) m.sends[sender.send] = 'sent'
      return sender?.item
    }
    refill(m)
    return taken
  }
  const refill = (m: Model): void => {
    const sender = m.buffer.length < capacity ? m.senders.shift() : undefined
    if (sender === undefined) return
    m.buffer.push(sender.item)
    m.sends[sender.send] = 'sent'
  }
  /** What a send does before it blocks. */
  const offer = (m: Model, item: number): 'handed' | 'buffered' | 'full' | 'closed' => {
    if (m.closed) return 'closed'
    const receiver = m.receivers.shift()
    if (receiver !== undefined) {
      m.receives[receiver] = item
      return 'handed'
    }
    if (m.buffer.length >= capacity) return 'full'
    m.buffer.push(item)
    return 'buffered'
  }
  const newItem = (m: Model, r: Real): Item => {
    const item = { id: m.items }
    m.items += 1
    r.items.push(item)
    return item
  }

  const command = (name: string, run: (m: Model, r: Real) => void): Command => ({
    check: () => true,
    toString: () => name,
    run: async (m, r) => {
      run(m, r)
      await turn()
      compare(m, r)
    },
  })
  const compare = (m: Model, r: Real): void => {
    const { channel } = r
    expect(channel.size).toBe(m.buffer.length)
    expect(channel.receivers).toBe(m.receivers.length)
    expect(channel.senders).toBe(m.senders.length)
    expect(channel.closed).toBe(m.closed)
    expect(r.lost).toEqual(m.lost)
    expect(channel.size).toBeLessThanOrEqual(capacity)
    if (channel.receivers > 0) expect(channel.size + channel.senders).toBe(0)
    const next = order === 'lifo' ? m.buffer.at(-1) : m.buffer[0]
    expect(channel.peek()?.id).toBe(next)
    let received = 0
    for (const [index, { outcome, abort }] of r.receives.entries()) {
      const want = m.receives[index]
      if (typeof want === 'number') {
        received += 1
        expect(outcome).toMatchObject({ state: 'fulfilled', value: { id: want } })
      } else if (want === 'pending') expect(outcome.state).toBe('pending')
      else expect(outcome.error).toSatisfy((error) => isError(error, want))
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(want === 'pending' ? 1 : 0)
    }
    for (const [index, { outcome, abort }] of r.sends.entries()) {
      const want = m.sends[index]
      if (want === 'sent') expect(outcome.state).toBe('fulfilled')
      else if (want === 'pending') expect(outcome.state).toBe('pending')
      else expect(outcome.error).toSatisfy((error) => isError(error, want))
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(want === 'pending' ? 1 : 0)
    }
    expect(m.sent).toBe(received + m.tried + m.buffer.length + m.senders.length + m.lost.length + m.removed)
  }
  return fc.commands(
    [
      fc.constant(
        command('trySend', (m, r) => {
          const item = newItem(m, r)
          const want = offer(m, item.id)
          if (want === 'handed' || want === 'buffered') m.sent += 1
          expect(r.channel.trySend(item)).toBe(want)
        }),
      ),
      fc.constant(
        command('sendOrDiscard', (m, r) => {
          const item = newItem(m, r)
          const want = offer(m, item.id)
          m.sent += 1
          if (want === 'full') m.lost.push([item.id, 'overflow'])
          if (want === 'closed') m.lost.push([item.id, 'closed'])
          expect(r.channel.sendOrDiscard(item)).toBe(want === 'handed' || want === 'buffered')
        }),
      ),
      fc.boolean().map((aborted) =>
        command(aborted ? 'send(aborted)' : 'send', (m, r) => {
          const item = newItem(m, r)
          const abort = new AbortController()
          if (aborted) abort.abort(ABORTED)
          const send = m.sends.length
          m.sent += 1
          const want = aborted ? 'aborted' : offer(m, item.id)
          if (want === 'full') m.senders.push({ send, item: item.id })
          if (want === 'closed') m.lost.push([item.id, 'closed'])
          if (want === 'aborted') m.lost.push([item.id, 'cancelled'])
          m.sends.push(want === 'full' ? 'pending' : want === 'handed' || want === 'buffered' ? 'sent' : want)
          r.sends.push({ outcome: watch(r.channel.send(item, { signal: abort.signal })), abort })
        }),
      ),
      fc.constant(
        command('receive', (m, r) => {
          const abort = new AbortController()
          const want = take(m)
          if (want !== undefined) m.receives.push(want)
          else if (m.closed) m.receives.push('closed')
          else {
            m.receivers.push(m.receives.length)
            m.receives.push('pending')
          }
          r.receives.push({ outcome: watch(r.channel.receive({ signal: abort.signal })), abort })
        }),
      ),
      fc.constant(
        command('tryReceive', (m, r) => {
          const want = take(m)
          if (want !== undefined) m.tried += 1
          expect(r.channel.tryReceive()).toEqual(
            want === undefined ? { ok: false, closed: m.closed } : { ok: true, value: { id: want } },
          )
        }),
      ),
      fc.nat(7).map((index) =>
        command(`abortReceive(${index})`, (m, r) => {
          const at = index % Math.max(1, m.receives.length)
          r.receives[at]?.abort.abort(ABORTED)
          if (m.receives[at] !== 'pending') return
          m.receives[at] = 'aborted'
          m.receivers = m.receivers.filter((receiver) => receiver !== at)
        }),
      ),
      fc.nat(7).map((index) =>
        command(`abortSend(${index})`, (m, r) => {
          const at = index % Math.max(1, m.sends.length)
          r.sends[at]?.abort.abort(ABORTED)
          if (m.sends[at] !== 'pending') return
          m.sends[at] = 'aborted'
          const sender = m.senders.find(({ send }) => send === at)
          m.senders = m.senders.filter(({ send }) => send !== at)
          if (sender !== undefined) m.lost.push([sender.item, 'cancelled'])
        }),
      ),
      fc.nat(15).map((index) =>
        command(`remove(${index})`, (m, r) => {
          const item = r.items[index % Math.max(1, r.items.length)]
          if (item === undefined) return
          const buffered = m.buffer.includes(item.id)
          expect(r.channel.remove(item)).toBe(buffered)
          if (!buffered) return
          m.buffer = m.buffer.filter((id) => id !== item.id)
          m.removed += 1
          refill(m)
        }),
      ),
      fc.constant(
        command('rejectNext', (m, r) => {
          const receiver = m.receivers.shift()
          if (receiver !== undefined) m.receives[receiver] = 'rejected'
          expect(r.channel.rejectNext(REJECTED)).toBe(receiver !== undefined)
        }),
      ),
      fc.constantFrom('drain' as const, 'discard' as const).map((mode) =>
        command(`close(${mode})`, (m, r) => {
          m.closed = true
          for (const receiver of m.receivers.splice(0)) m.receives[receiver] = 'closed'
          if (mode === 'discard') {
            for (const id of m.buffer.splice(0)) m.lost.push([id, 'closed'])
            for (const { send, item } of m.senders.splice(0)) {
              m.sends[send] = 'closed'
              m.lost.push([item, 'closed'])
            }
          }
          r.channel.close(mode)
        }),
      ),
    ],
    { size: 'large', maxCommands: 40 },
  )
}

function isError(error: unknown, want: string | undefined): boolean {
  if (want === 'aborted') return error === ABORTED
  if (want === 'rejected') return error === REJECTED
  return (error as { code?: string }).code === 'ERR_POOL_CHANNEL_CLOSED'
}

test('does what an array would, and sent = received + buffered + undelivered + removed at every step', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .record({ capacity: fc.nat(3), order: fc.constantFrom('fifo' as const, 'lifo' as const) })
        .chain((shape) => fc.tuple(fc.constant(shape), suite(shape.capacity, shape.order))),
      async ([{ capacity, order }, commands]) => {
        await fc.asyncModelRun((): { model: Model; real: Real } => {
          const lost: [number, Undelivered][] = []
          const onUndelivered = (item: Item, why: Undelivered): number => lost.push([item.id, why])
          return {
            model: {
              buffer: [],
              receivers: [],
              senders: [],
              lost: [],
              receives: [],
              sends: [],
              items: 0,
              sent: 0,
              tried: 0,
              removed: 0,
              closed: false,
            },
            real: {
              channel: new Channel<Item>({ capacity, order, onUndelivered }),
              items: [],
              lost,
              receives: [],
              sends: [],
            },
          }
        }, commands)
      },
    ),
    runs(200),
  )
})

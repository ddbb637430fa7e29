import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import type { SessionCloseMessage } from '../src/channels.js'
import type { CloseReason, RelayResult } from '../src/close-reason.js'
import { dialer } from '../src/dialer.js'
import type { RelayErrorCode, Side } from '../src/errors.js'
import type { Connector } from '../src/lease.js'
import { createRelayServer, type RelayServer, type RelayServerOptions } from '../src/server.js'
import type { SessionInfo } from '../src/session-info.js'
import type { Peer } from './support/peer.js'
import { client, upstream } from './support/upstream.js'

interface Session {
  readonly near: Peer
  /** The upstream, if one was reached. */
  readonly far: Peer
  readonly server: RelayServer
}

interface Case {
  readonly when: string
  readonly reason: CloseReason
  /** What happens after a byte went either way, or once the client waits for its upstream. */
  readonly act?: (session: Session) => unknown
  readonly options?: Partial<RelayServerOptions>
  readonly error?: {
    readonly code: RelayErrorCode
    readonly side: Side
    readonly phase: 'connect' | 'transfer'
  }
}

const none: Connector = {
  connect: ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  close: async () => {},
  stats: () => ({}),
}
const dialing = { upstream: none }
const failing = (code: string): Partial<RelayServerOptions> => ({
  upstream: { ...none, connect: () => Promise.reject(Object.assign(new Error('none left'), { code })) },
})

const killed = ({ server }: Session): unknown => server.kill(server.sessions()[0]?.id ?? '')
const closed = ({ server }: Session): unknown => server.close({ graceMs: 0 })
const failed = { code: 'ERR_RELAY_CONNECT', side: 'upstream', phase: 'connect' } as const

const cases: readonly Case[] = [
  {
    when: 'the client ends first',
    reason: 'client-end',
    act: async ({ near, far }) => {
      near.end()
      await far.received
      far.end()
    },
  },
  {
    when: 'the upstream ends first',
    reason: 'upstream-end',
    act: async ({ near, far }) => {
      far.end()
      await near.received
      near.end()
    },
  },
  {
    when: 'the client resets',
    reason: 'client-reset',
    act: ({ near }) => near.reset(),
    error: { code: 'ERR_RELAY_RESET', side: 'client', phase: 'transfer' },
  },
  {
    when: 'the client resets during the dial',
    reason: 'client-reset',
    options: dialing,
    act: ({ near }) => near.reset(),
    error: { code: 'ERR_RELAY_RESET', side: 'client', phase: 'connect' },
  },
  {
    when: 'the upstream resets',
    reason: 'upstream-reset',
    act: ({ far }) => far.reset(),
    error: { code: 'ERR_RELAY_RESET', side: 'upstream', phase: 'transfer' },
  },
  { when: 'nothing moves', reason: 'idle-timeout', options: { idleTimeoutMs: 30 } },
  {
    when: 'nothing moves after an end',
    reason: 'linger-timeout',
    options: { lingerMs: 30 },
    act: ({ near }) => near.end(),
  },
  { when: 'it lasts too long', reason: 'max-duration', options: { maxDurationMs: 30 } },
  { when: 'it is killed', reason: 'killed', act: killed },
  { when: 'it is killed during the dial', reason: 'killed', options: dialing, act: killed },
  { when: 'the server closes', reason: 'draining', act: closed },
  { when: 'the server closes during the dial', reason: 'draining', options: dialing, act: closed },
  { when: 'there is no upstream', reason: 'connect-failed', options: failing('ECONNREFUSED'), error: failed },
  {
    when: 'the upstream is too slow',
    reason: 'connect-timeout',
    options: failing('ERR_RELAY_CONNECT_TIMEOUT'),
    error: failed,
  },
  {
    when: 'the pool has none left',
    reason: 'pool-exhausted',
    options: failing('ERR_POOL_TIMEOUT'),
    error: failed,
  },
]

test.each(cases)(
  'when $when it is $reason, once, in the result, the counters and the channel alike',
  async ({ reason, act, options, error }) => {
    const published: SessionCloseMessage[] = []
    const onPublished = (message: unknown): void => void published.push(message as SessionCloseMessage)
    subscribe('relay:session:close', onPublished)
    onTestFinished(() => void unsubscribe('relay:session:close', onPublished))
    const opened = call()
    const dialed = call<[Peer]>()
    const ended = call<[SessionInfo, RelayResult]>()
    const { target } = await upstream(dialed.listener)
    const callbacks = { onSession: opened.listener, onClose: ended.listener }
    const server = createRelayServer({ upstream: dialer(target), ...options, ...callbacks })
    await server.listen('127.0.0.1:0')
    onTestFinished(() => server.close({ graceMs: 0 }))

    const near = await client(server.address)
    await opened.first
    let far = near
    if (options?.upstream === undefined) {
      await near.write('?')
      far = (await dialed.first)[0]
      await far.arrived(1)
      await far.write('!')
      await near.arrived(1)
    }
    await act?.({ near, far, server })
    const [info, result] = await ended.first
    await server.close({ graceMs: 0 })

    expect(ended.count()).toBe(1)
    expect(result.reason).toBe(reason)
    if (error === undefined) expect(result).not.toHaveProperty('error')
    else expect(result.error).toMatchObject(error)
    expect(published).toEqual([{ info, result }])
    expect(server.stats()).toMatchObject({ active: 0, accepted: 1, closed: { [reason]: 1 } })
    expect(Object.keys(server.stats().closed)).toEqual([reason])
  },
)

/** A listener, the arguments of its first call, and how many calls there were. */
function call<Args extends unknown[]>(): {
  listener: (...args: Args) => void
  first: Promise<Args>
  count: () => number
} {
  let calls = 0
  let onFirst = (_: Args): void => {}
  const first = new Promise<Args>((resolve) => (onFirst = resolve))
  const listener = (...args: Args): void => {
    calls++
    onFirst(args)
  }
  return { listener, first, count: () => calls }
}

import { expect, test } from 'vitest'
import { Cancellation, needsNoAbortSignal } from '../src/cancellation.js'
import type { Connector } from '../src/lease.js'

const connector = (): Connector => ({
  connect: () => Promise.reject(new Error('never')),
  close: () => Promise.resolve(),
  stats: () => ({}),
})

test('tells its listeners once, and not those that were taken off', () => {
  const cancellation = new Cancellation()
  const heard: string[] = []
  const listen = (name: string): (() => void) => {
    const listener = (): void => void heard.push(`${name}: ${String(cancellation.reason)}`)
    cancellation.addEventListener('abort', listener)
    return listener
  }
  listen('one')
  const two = listen('two')
  listen('three')
  cancellation.removeEventListener('abort', two)
  expect(cancellation.aborted).toBe(false)
  cancellation.cancel('why')
  cancellation.cancel('again')
  expect(heard).toEqual(['one: why', 'three: why'])
  expect([cancellation.aborted, cancellation.reason]).toEqual([true, 'why'])
})

test('is a real signal for those who ask for one, before and after', () => {
  const cancellation = new Cancellation()
  const { signal } = cancellation
  expect(signal).toBeInstanceOf(AbortSignal)
  expect(cancellation.signal).toBe(signal)
  const heard: unknown[] = []
  signal.addEventListener('abort', () => heard.push(signal.reason))
  cancellation.cancel('why')
  expect(heard).toEqual(['why'])
  const late = new Cancellation()
  late.cancel('before anybody asked')
  expect(late.signal).toMatchObject({ aborted: true, reason: 'before anybody asked' })
})

test('is itself for the connectors that said so, and a real signal for whatever is made of one', () => {
  const cancellation = new Cancellation()
  const ours = connector()
  needsNoAbortSignal(ours)
  expect(cancellation.signalFor(ours)).toBe(cancellation)
  expect(cancellation.signalFor({ ...ours })).toBe(cancellation.signal)
  expect(cancellation.signalFor(connector())).toBe(cancellation.signal)
})

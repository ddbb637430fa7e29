import { describe, expect, test } from 'vitest'
import * as stages from '../../src/stages/index.js'

type Factory = (options?: unknown) => unknown
const { passThrough, ...withOptions } = stages as unknown as Record<string, Factory>

const write = (): void => {}
const far = 2 ** 31

// What each built-in refuses: options, the name in the message, and what is a RangeError: a number out of range.
const WRONG: Readonly<Record<string, readonly [options: unknown, named: string][]>> = {
  tap: [
    [{}, 'write'],
    [{ write: 'stdout' }, 'write'],
    [{ write, format: 'octal' }, 'format'],
    [{ write, redact: true }, 'redact'],
    [{ write, name: '' }, 'name'],
  ],
  throttle: [
    [{}, 'bytesPerSecond'],
    [{ bytesPerSecond: 0 }, 'bytesPerSecond'],
    [{ bytesPerSecond: 0.5 }, 'bytesPerSecond'],
    [{ bytesPerSecond: '1MiB/s' }, 'bytesPerSecond'],
    [{ bytesPerSecond: 1, burstBytes: -1 }, 'burstBytes'],
  ],
  delay: [
    [{}, 'ms'],
    [{ ms: -1 }, 'ms'],
    [{ ms: far }, 'ms'],
    [{ ms: Number.NaN }, 'ms'],
    [{ ms: 1, jitterMs: '1ms' }, 'jitterMs'],
    [{ ms: 1, seed: 1.5 }, 'seed'],
    [{ ms: 1, maxBytes: 0 }, 'maxBytes'],
  ],
  slice: [
    [{}, 'bytes'],
    [{ bytes: 0 }, 'bytes'],
    [{ bytes: '16' }, 'bytes'],
  ],
  limitBytes: [
    [{}, 'bytes'],
    [{ bytes: Number.POSITIVE_INFINITY }, 'bytes'],
  ],
  replace: [
    [{ to: 'x' }, 'from'],
    [{ from: '', to: 'x' }, 'from'],
    [{ from: new Uint8Array(), to: 'x' }, 'from'],
    [{ from: /x/, to: 'x' }, 'from'],
    [{ from: 'x' }, 'to'],
    [{ from: 'x', to: 5 }, 'to'],
  ],
  compress: [
    [{ algorithm: 'zip' }, 'algorithm'],
    [{ level: -1 }, 'level'],
    [{ level: 10 }, 'level'],
    [{ level: '9' }, 'level'],
  ],
  decompress: [
    [{ algorithm: 5 }, 'algorithm'],
    [{ algorithm: 'brotli', level: 12 }, 'level'],
  ],
  record: [
    [{}, 'path'],
    [{ path: '' }, 'path'],
    [{ path: 5 }, 'path'],
  ],
}

test('every built-in that takes options is held to naming the wrong one', () => {
  expect(Object.keys(WRONG).sort()).toEqual(Object.keys(withOptions).sort())
})

describe.each(Object.entries(WRONG))('%s', (name, wrong) => {
  const make = withOptions[name] as Factory

  test.each(wrong)('refuses %o, and names the option', (options, named) => {
    const value = (options as Record<string, unknown>)[named]
    expect(() => make(options)).toThrow(typeof value === 'number' ? RangeError : TypeError)
    expect(() => make(options)).toThrow(new RegExp(`^${name}: expected option "${named}" to be .+, got `))
  })

  test('refuses an option that it does not know, and names those it knows', () => {
    expect(() => make({ colour: 'red' })).toThrow(TypeError)
    expect(() => make({ colour: 'red' })).toThrow(
      new RegExp(`^${name}: unknown option "colour", expected one of \\w+`),
    )
  })

  test.each([null, 5, 'text'])('refuses %j for its options', (options) => {
    expect(() => make(options)).toThrow(TypeError)
  })
})

test.each([
  [
    'throttle',
    { bytesPerSecond: 1 },
    { bytesPerSecond: 0 },
    RangeError,
    /^throttle\.set: .*"bytesPerSecond"/,
  ],
  ['throttle', { bytesPerSecond: 1 }, { rate: 1 }, TypeError, /^throttle\.set: unknown option "rate"/],
  ['delay', { ms: 1 }, { jitterMs: -1 }, RangeError, /^delay\.set: .*"jitterMs"/],
  ['delay', { ms: 1 }, { seed: 1 }, TypeError, /^delay\.set: unknown option "seed"/],
])('%s(%o).set refuses %o and changes nothing', (name, options, changed, kind, message) => {
  const stage = (withOptions[name] as Factory)(options) as stages.ThrottleStage
  const before = { ...stage.settings }
  expect(() => stage.set(changed as never)).toThrow(kind)
  expect(() => stage.set(changed as never)).toThrow(message)
  expect(stage.settings).toMatchObject(before)
})

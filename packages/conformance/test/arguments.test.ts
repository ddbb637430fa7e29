import { describe, expect, test } from 'vitest'
import { parseArguments } from '../src/arguments.js'

test('takes two addresses, a port being one of 127.0.0.1', () => {
  expect(parseArguments(['8848', 'tcp://[::1]:8849', '--only', 'reset', '--json', '--idle', '500'])).toEqual({
    mode: 'run',
    listen: { host: '127.0.0.1', port: 8848 },
    upstream: { host: '::1', port: 8849 },
    deadlines: { idleMs: 500, maxDurationMs: undefined },
    only: 'reset',
    jobs: 4,
    json: true,
  })
})

describe('names what is wrong and says what is accepted', () => {
  test.for([
    [['8848'], 'expected two addresses, <listen> and <upstream>, not 1'],
    [['8848', 'unix:/x'], 'unix:/x: expected host:port, [::1]:port or a port'],
    [['8848', '70000'], '70000: expected host:port, [::1]:port or a port'],
    [['8848', '8849', '--jobs', '0'], '--jobs 0: expected a whole number above 0'],
    [['8848', '8849', '--jobs'], '--jobs: a value is missing'],
    [['--peers', '8848'], '8848: --peers takes no address'],
    [['--fast'], '--fast: expected one of --only, --jobs'],
  ] as const)('%j', ([argv, message]) => {
    expect(() => parseArguments(argv)).toThrow(message)
  })
})

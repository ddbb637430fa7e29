import { describe, expect, test } from 'vitest'
import { parseArguments } from '../src/arguments.js'

test('takes two addresses, a port being one of 127.0.0.1', () => {
  expect(parseArguments(['8848', 'tcp://[::1]:8849', '--only', 'reset', '--json', '--idle', '500'])).toEqual({
    mode: 'run',
    listen: { transport: 'tcp', host: '127.0.0.1', port: 8848 },
    upstream: { transport: 'tcp', host: '::1', port: 8849 },
    halfClose: 'forward',
    deadlines: { idleMs: 500, maxDurationMs: undefined },
    pid: undefined,
    only: 'reset',
    jobs: 4,
    sessions: 3_000,
    json: true,
  })
})

test('takes unix sockets, and an upstream of TLS with its certificate', () => {
  const words = ['unix:/run/x.sock', 'tls://localhost:8849', '--cert', 'c.pem', '--key', 'k.pem']
  expect(parseArguments([...words, '--half-close', 'close', '--pid', '7'])).toMatchObject({
    listen: { transport: 'unix', path: '/run/x.sock' },
    upstream: { transport: 'tls', host: 'localhost', port: 8849 },
    certificateFiles: { cert: 'c.pem', key: 'k.pem' },
    halfClose: 'close',
    pid: 7,
  })
})

describe('names what is wrong and says what is accepted', () => {
  test.for([
    [['8848'], 'expected two addresses, <listen> and <upstream>, not 1'],
    [['8848', 'unix:'], 'unix:: expected host:port, [::1]:port, a port, unix:/path or tls://host:port'],
    [['8848', '70000'], '70000: expected host:port, [::1]:port, a port, unix:/path or tls://host:port'],
    [['tls://localhost:8848', '8849'], 'tls:// is for the upstream'],
    [['8848', 'tls://localhost:8849'], 'an upstream of tls:// needs --cert and --key'],
    [['8848', '8849', '--half-close', 'both'], '--half-close both: expected forward or close'],
    [['--peers', '--pid', '7'], '--pid: not with --peers'],
    [['8848', '8849', '--relay', 'x'], '--relay: only with --peers'],
    [['8848', '8849', '--jobs', '0'], '--jobs 0: expected a whole number above 0'],
    [['8848', '8849', '--jobs'], '--jobs: a value is missing'],
    [['--peers', '8848'], '8848: --peers takes no address'],
    [['--fast'], '--fast: expected one of --half-close, --cert'],
  ] as const)('%j', ([argv, message]) => {
    expect(() => parseArguments(argv)).toThrow(message)
  })
})

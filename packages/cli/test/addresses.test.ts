import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { formatUpstream, parseListen, parseUpstream } from '../src/addresses.js'

test.each([
  ['8848', { host: '127.0.0.1', port: 8848 }],
  ['0', { host: '127.0.0.1', port: 0 }],
  ['0.0.0.0:8848', { host: '0.0.0.0', port: 8848 }],
  ['[::1]:8848', { host: '::1', port: 8848 }],
  ['tcp://db:5432', { host: 'db', port: 5432 }],
  ['unix:/run/relay.sock', { path: '/run/relay.sock' }],
])('listens on %s', (text, address) => {
  expect(parseListen(text)).toEqual(address)
})

test.each([
  ['6379', { address: { host: '127.0.0.1', port: 6379 }, tls: false }, '127.0.0.1:6379'],
  ['tcp://db:5432', { address: { host: 'db', port: 5432 }, tls: false }, 'db:5432'],
  ['tls://db:5432', { address: { host: 'db', port: 5432 }, tls: true }, 'tls://db:5432'],
  ['tls://[::1]:443', { address: { host: '::1', port: 443 }, tls: true }, 'tls://[::1]:443'],
  ['unix:/run/db.sock', { address: { path: '/run/db.sock' }, tls: false }, 'unix:/run/db.sock'],
])('connects to %s', (text, upstream, shown) => {
  expect(parseUpstream(text)).toEqual(upstream)
  expect(formatUpstream(parseUpstream(text))).toBe(shown)
})

test.each([
  '',
  'x',
  '65536',
  '-1',
  'host:',
  ':8848',
  '::1:8848',
  '[::1]',
  'http://a:1',
  'tls://tcp://a:1',
  'unix:',
  'a b:1',
])('refuses %j on both sides', (text) => {
  expect(() => parseListen(text)).toThrow(/expected .+, got /)
  expect(() => parseUpstream(text)).toThrow(/expected .+, got /)
})

test('listens without TLS only', () => {
  expect(() => parseListen('tls://a:1')).toThrow("(tls:// is for the upstream), got 'tls://a:1'")
})

test('cannot connect to port 0', () => {
  expect(() => parseUpstream('tls://a:0')).toThrow("expected a port from 1 to 65535, got 'tls://a:0'")
})

test.each(['tls://a', 'tls://:1', 'tls://a:99999', 'tls://unix:/a'])(
  'refuses %s as it was written',
  (text) => {
    expect(() => parseUpstream(text)).toThrow(`expected 'tls://host:8848', got '${text}'`)
  },
)

test.each(['*:8080', 'tcp://*:8080'])('listens on every address for %s', (text) => {
  const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ family }) => family === 'IPv6'),
  )
  expect(parseListen(text)).toEqual({ host: hasIPv6 ? '::' : '0.0.0.0', port: 8080 })
})

test.each(['*:8080', 'tls://*:8080'])('connects to no %s', (text) => {
  expect(() => parseUpstream(text)).toThrow(/expected a host to connect to, got '.*\*:8080'/)
})

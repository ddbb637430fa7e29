import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Address, formatAddress, parseAddress } from '../src/address.js'

describe('parseAddress', () => {
  test.each<[string | number, Address]>([
    [8848, { host: '127.0.0.1', port: 8848 }],
    ['8848', { host: '127.0.0.1', port: 8848 }],
    ['0', { host: '127.0.0.1', port: 0 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['0.0.0.0:65535', { host: '0.0.0.0', port: 65_535 }],
    ['[::1]:8848', { host: '::1', port: 8848 }],
    ['tcp://db.example:5432', { host: 'db.example', port: 5432 }],
    ['unix:/run/a.sock', { path: '/run/a.sock' }],
  ])('reads %j', (text, address) => {
    expect(parseAddress(text)).toEqual(address)
  })

  test.each([
    '',
    'host',
    'host:',
    ':1',
    'host:port',
    '::1:80',
    '[::1]',
    '[nonsense]:1',
    'a b:1',
    'http://a:1',
    'host:-1',
    'host:1e3',
  ])('refuses %j, and says what is accepted', (text) => {
    expect(() => parseAddress(text)).toThrow(/expected an address: a port \(8848\), .* got /)
  })

  test.each([65_536, -1, 1.5, Number.NaN, 'host:65536', '99999'])('refuses the port in %j', (value) => {
    expect(() => parseAddress(value)).toThrow(/expected a port from 0 to 65535, got /)
  })

  test('refuses a unix path that the kernel would cut', () => {
    const longest = process.platform === 'linux' ? 107 : 103
    expect(parseAddress(`unix:/${'x'.repeat(longest - 1)}`)).toHaveProperty('path')
    expect(() => parseAddress(`unix:/${'x'.repeat(longest)}`)).toThrow(
      `1 to ${longest} bytes, got ${longest + 1} bytes`,
    )
    expect(() => parseAddress('unix:')).toThrow('got 0 bytes')
  })

  test('refuses what is no address at all', () => {
    for (const value of [null, undefined, true, {}, { host: 'a' }, { host: '', port: 1 }, { path: 7 }]) {
      expect(() => parseAddress(value as never)).toThrow(TypeError)
    }
  })

  test('reads back what formatAddress writes', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain())
    fc.assert(
      fc.property(host, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
        expect(parseAddress(formatAddress({ host, port }))).toEqual({ host, port })
      }),
    )
  })
})

import { expect, test } from 'vitest'
import { tlsName } from '../src/tls-name.js'

test.each([
  ['db.example', 'db.example'],
  ['db.example.', 'db.example'],
  ['DB.Example', 'db.example'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['bücher.example.', 'xn--bcher-kva.example'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['_dmarc.db.example', '_dmarc.db.example'],
  ['localhost', 'localhost'],
  ['127.0.0.1', undefined],
  // What the resolver takes for the same address.
  ['127.1', undefined],
  ['::1', undefined],
])('%s is asked for as %s', (host, name) => {
  expect(tlsName(host)).toBe(name)
})

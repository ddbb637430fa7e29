import { once } from 'node:events'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAddress } from '@relay/core'
import { expect, onTestFinished, test } from 'vitest'
import { isSelfUpstream } from '../src/self-upstream.js'

const isSelf = (listen: string, upstream: string): Promise<boolean> =>
  isSelfUpstream(parseAddress(listen), parseAddress(upstream))

const interfaces = Object.entries(networkInterfaces()).flatMap(([name, infos = []]) =>
  infos.map((info) => ({ ...info, name })),
)

test.each([
  ['127.0.0.1:8848', '8848'],
  ['127.0.0.1:8848', 'localhost:8848'],
  ['localhost:8848', 'LOCALHOST:8848'],
  ['127.0.0.1:8848', '127.1:8848'],
  ['127.0.0.1:8848', '0.0.0.0:8848'],
  ['127.0.0.1:8848', '[::ffff:127.0.0.1]:8848'],
  ['127.0.0.1:8848', '[::ffff:7f00:1]:8848'],
  ['[::ffff:127.0.0.1]:8848', '127.0.0.1:8848'],
  ['0.0.0.0:8848', '127.0.0.1:8848'],
  ['0.0.0.0:8848', '127.9.8.7:8848'],
  ['0.0.0.0:8848', '0.0.0.0:8848'],
  ['0.0.0.0:8848', '[::ffff:127.0.0.2]:8848'],
  ['[::ffff:0.0.0.0]:8848', '127.0.0.1:8848'],
  ['[::1]:8848', '[0:0:0:0:0:0:0:1]:8848'],
  ['[::1]:8848', '[::]:8848'],
  ['[::]:8848', '[::1]:8848'],
  ['[::]:8848', '127.0.0.1:8848'],
  ['[0::0]:8848', 'localhost:8848'],
  ['unix:/tmp/a', 'unix:/tmp/../tmp/./a'],
])('a relay that listens on %s is its own upstream %s', async (listen, upstream) => {
  expect(await isSelf(listen, upstream)).toBe(true)
})

test.each(
  interfaces.map(({ address, family, name }) => [
    address.startsWith('fe80:') ? `[${address}%${name}]` : family === 'IPv6' ? `[${address}]` : address,
  ]),
)('who listens everywhere is reached at this machine’s own address %s', async (host) => {
  expect(await isSelf('[::]:8848', `${host}:8848`)).toBe(true)
  expect(await isSelf('0.0.0.0:8848', `${host}:8848`)).toBe(!host.startsWith('['))
  expect(await isSelf(`${host}:8848`, `${host}:8848`)).toBe(true)
})

test.each([
  ['127.0.0.1:8848', '127.0.0.1:8849'],
  ['127.0.0.1:8848', '127.0.0.2:8848'],
  ['127.0.0.2:8848', '0.0.0.0:8848'],
  ['127.0.0.1:8848', '[::1]:8848'],
  ['127.0.0.1:8848', '[::]:8848'],
  ['[::1]:8848', '127.0.0.1:8848'],
  ['0.0.0.0:8848', '[::1]:8848'],
  ['0.0.0.0:8848', '198.51.100.1:8848'],
  ['[::]:8848', '198.51.100.1:8848'],
  ['[::]:8848', '[2001:db8::1]:8848'],
  ['0.0.0.0:0', '127.0.0.1:8848'],
  ['0.0.0.0:8848', 'nobody.invalid:8848'],
  ['127.0.0.1:8848', 'unix:/tmp/8848'],
  ['unix:/tmp/8848', '127.0.0.1:8848'],
  ['unix:/tmp/a', 'unix:/tmp/b'],
])('a relay that listens on %s is another than its upstream %s', async (listen, upstream) => {
  expect(await isSelf(listen, upstream)).toBe(false)
})

test('a unix socket is the same by every way that leads to it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'there'))
  const servers = ['socket', 'other'].map((name) => createServer().listen(join(folder, 'there', name)))
  onTestFinished(() => {
    for (const server of servers) server.close()
  })
  await Promise.all(servers.map((server) => once(server, 'listening')))
  symlinkSync(join(folder, 'there'), join(folder, 'folder'))
  symlinkSync(join(folder, 'there', 'socket'), join(folder, 'link'))
  linkSync(join(folder, 'there', 'socket'), join(folder, 'name'))
  const listen = `unix:${folder}/there/socket`
  for (const other of ['folder/socket', 'link', 'name'])
    expect(await isSelf(listen, `unix:${folder}/${other}`)).toBe(true)
  for (const other of ['there/other', 'folder/other', 'none'])
    expect(await isSelf(listen, `unix:${folder}/${other}`)).toBe(false)
})

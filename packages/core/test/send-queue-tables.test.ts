import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { askSs } from '../src/ask-ss.js'
import { hexAddress } from '../src/hex-address.js'
import { readProcNetTcp, rowCount } from '../src/proc-net-tcp.js'

const STUCK_BYTES = 20 * 1024 * 1024

function runs(command: string): boolean {
  try {
    execFileSync(command, ['-V'])
    return true
  } catch {
    return false
  }
}

/** Sockets whose peers read nothing, with as much written as their kernel takes, and one with nothing written. */
async function stuckAndIdle(
  listen: string,
  host: string,
): Promise<{ stuck: readonly Socket[]; idle: Socket }> {
  const accepted: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    accepted.push(socket.on('error', () => {}))
    if (accepted.length === 1) socket.write(Buffer.alloc(STUCK_BYTES))
  }).listen(0, listen)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const [stuck, idle] = [connect(port, host), connect(port, host)] as const
  onTestFinished(() => {
    for (const socket of [stuck, idle, ...accepted]) socket.destroy()
    server.close()
  })
  await Promise.all([once(stuck, 'connect'), once(idle, 'connect')])
  stuck.write(Buffer.alloc(STUCK_BYTES))
  await vi.waitFor(() => expect(accepted).toHaveLength(2))
  // The address that the server's side sees may be of both families in one.
  return { stuck: [stuck, accepted[0] as Socket], idle }
}

const tables = [
  ['/proc/net/tcp', readProcNetTcp, process.platform === 'linux'],
  ['ss', askSs, runs('ss')],
] as const

for (const [source, read, isHere] of tables) {
  describe.runIf(isHere)(`what the kernel holds, by ${source}`, () => {
    test.each([
      ['IPv4', '127.0.0.1', '127.0.0.1'],
      ['IPv6', '::1', '::1'],
      ['an IPv4 client of a server of both', '::', '127.0.0.1'],
    ])('is found for %s', async (_, listen, host) => {
      const { stuck, idle } = await stuckAndIdle(listen, host)
      const table = await read()
      for (const socket of stuck) expect(table.bytesOf(socket)).toBeGreaterThan(1_000)
      expect(table.bytesOf(idle)).toBe(0)
    })
  })
}

test.runIf(process.platform === 'linux')('how long the tables are is told without reading them', async () => {
  const before = rowCount()
  await stuckAndIdle('127.0.0.1', '127.0.0.1')
  expect(before).toBeGreaterThan(0)
  expect(rowCount()).toBeGreaterThan(1)
})

test('addresses of both families are written as the kernel writes them', () => {
  expect(hexAddress('127.0.0.1')).toBe('0100007F')
  expect(hexAddress('::1')).toBe('00000000000000000000000001000000')
  expect(hexAddress('::ffff:127.0.0.1')).toBe('0000000000000000FFFF00000100007F')
  expect(hexAddress('fe80::1:2%eth0')).toBe('000080FE000000000000000002000100')
  expect(hexAddress('2001:db8:1:2:3:4:5:6')).toBe('B80D0120020001000400030006000500')
})

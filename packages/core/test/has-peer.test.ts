import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { hasPeer } from '../src/has-peer.js'
import { RawConnection } from '../src/raw-connection.js'

const asked = vi.hoisted(() => ({ answers: true }))
vi.mock('../src/has-peer.js', async (original) => {
  const real = await original<typeof import('../src/has-peer.js')>()
  return { hasPeer: (socket: Socket) => (asked.answers ? real.hasPeer(socket) : undefined) }
})

beforeEach(() => {
  asked.answers = true
})

/** Both ends of a connection in this process; nobody reads. */
async function ends(path?: string): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen(path ?? { host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const to = path === undefined ? { port: (server.address() as AddressInfo).port } : { path }
  const near = connect({ ...to, allowHalfOpen: true })
  const [[far]] = await Promise.all([once(server, 'connection'), once(near, 'connect')])
  for (const socket of [near, far]) socket.on('error', () => {})
  onTestFinished(() => {
    for (const one of [near, far, server]) 'destroy' in one ? one.destroy() : one.close()
  })
  return { near, far }
}

describe.runIf(process.platform === 'linux')('the peer of a TCP socket', () => {
  test('is there while it lives, and behind its FIN', async () => {
    const { near, far } = await ends()
    expect([hasPeer(near), hasPeer(far)]).toEqual([true, true])
    far.end('done')
    await once(far, 'finish')
    near.resume()
    await once(near, 'end')
    expect(hasPeer(near)).toBe(true)
  })

  test('is gone after a reset, though its bytes wait to be read', async () => {
    const { near, far } = await ends()
    expect(near.remoteAddress).toBe('127.0.0.1')
    far.write('half')
    await once(near, 'readable')
    far.resetAndDestroy()
    await expect.poll(() => hasPeer(near)).toBe(false)
    expect(near.destroyed).toBe(false)
  })
})

test('of a unix socket and of one that is closed nothing is known', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { near } = await ends(join(folder, 'socket'))
  expect(hasPeer(near)).toBeUndefined()
  near.destroy()
  expect(hasPeer(near)).toBeUndefined()
})

describe.each([
  ['where the kernel is asked', true],
  ['where it cannot be asked', false],
])('%s', (_where, answers) => {
  async function seen(act: (far: Socket) => void): Promise<string[]> {
    asked.answers = answers
    const { near, far } = await ends()
    const connection = new RawConnection(near)
    const events: string[] = []
    const over = new Promise<void>((resolve) => {
      connection.attach({
        reader: {
          onData: (chunk) => {
            events.push(`${chunk}`)
            return true
          },
          onEnd: () => {
            events.push('end')
            resolve()
          },
        },
        writer: { onFlushed: () => {}, onFinished: () => {} },
        onClosed: (error) => {
          events.push(error === undefined ? 'closed' : 'reset')
          resolve()
        },
      })
    })
    act(far)
    connection.resume()
    await over
    return events
  }

  test('bytes and a reset that come together are bytes and a reset', async () => {
    const events = await seen((far) => {
      far.write('bytes')
      far.resetAndDestroy()
    })
    expect(events.at(-1)).toBe('reset')
    expect(events.filter((event) => event === 'end')).toEqual([])
  })

  test('bytes and a FIN that come together are bytes and an end', async () => {
    expect(await seen((far) => void far.end('bytes'))).toEqual(['bytes', 'end'])
  })
})

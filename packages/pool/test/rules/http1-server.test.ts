import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createRelayServer } from '@relay/core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connectionPool } from '../../src/index.js'
import { http1 } from '../../src/rules/http1.js'
import { curl, FILE, HttpServers, withoutServers } from './http1-servers.js'

const SESSIONS = Number(process.env.RELAY_SESSIONS ?? 1_000)
const CONCURRENCY = 8
const PATIENCE = { timeout: 10_000 }

describe.skipIf(withoutServers)('http1() in front of real servers', () => {
  let servers: HttpServers
  beforeAll(async () => {
    servers = await HttpServers.start()
  })
  afterAll(() => servers?.stop())

  for (const kind of ['nginx', 'haproxy'] as const) {
    describe(kind, () => {
      const unchanged: Record<string, readonly string[]> = {
        GET: ['/id/a'],
        HEAD: ['-I', '/id/a'],
        'HEAD of a file': ['-I', '/file'],
        POST: ['-d', 'a=b', '/id/post'],
        'PUT by length': ['-T', '@small', '/put-length'],
        'PUT in chunks': ['-T', '@small', '-H', 'Transfer-Encoding: chunked', '/put-chunked'],
        'PUT after Expect: 100-continue': ['-H', 'Expect: 100-continue', '-T', '@small', '/put-expect'],
        'a body that is refused before it is sent': [
          '-T',
          '@big',
          '-H',
          'Expect: 100-continue',
          '/too-large',
        ],
        'a body that is refused while it is sent': ['-T', '@big', '-H', 'Expect:', '/too-large'],
        'HTTP/1.0': ['-0', '/id/old'],
        'Connection: close': ['-H', 'Connection: close', '/id/close'],
        'two requests on one connection': ['/id/first', '/id/second'],
        'pipelined methods on one connection': ['-X', 'OPTIONS', '/id/first', '/none', '/nowhere'],
        'a range': ['-r', '100-199', '/file'],
        'two ranges': ['-r', '0-9,20-29', '/file'],
        'what is not there': ['/nowhere'],
        'what has no content': ['/none'],
        'what was not modified': ['-H', 'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT', '/file'],
        DELETE: ['-X', 'DELETE', '/nowhere'],
        MKCOL: ['-X', 'MKCOL', '/nowhere/collection/'],
        'an unknown method': ['-X', 'FOO', '/id/a'],
        'a bad request': ['-H', 'Content-Length: -1', '/id/a'],
      }
      for (const [name, options] of Object.entries(unchanged)) {
        it(`leaves curl's ${name} unchanged, on a new and on a shared connection`, async () => {
          const { port, pool } = await relayTo(servers[kind])
          const own: Record<string, string> = { '@small': servers.small, '@big': servers.big }
          const at = (to: number) =>
            curl([
              '-i',
              ...options.map((o) => own[o] ?? (o.startsWith('/') ? `http://127.0.0.1:${to}${o}` : o)),
            ])
          await at(servers[kind])
          const direct = stable(await at(servers[kind]))
          expect(stable(await at(port))).toEqual(direct)
          await curl([`http://127.0.0.1:${port}/id/between`])
          await expect.poll(() => pool.stats().leased, PATIENCE).toBe(0)
          expect(pool.stats().idle).toBe(1)
          expect(stable(await at(port))).toEqual(direct)
          expect(pool.stats().lent.reused).toBeGreaterThan(0)
        })
      }

      it('hands over 20 MiB, on a connection that is shared before and after', async () => {
        const { port, pool } = await relayTo(servers[kind])
        const digest = createHash('sha256').update(FILE).digest('hex')
        for (let i = 0; i < 3; i++) {
          const { code, out } = await curl([`http://127.0.0.1:${port}/file`])
          expect(code).toBe(0)
          expect(createHash('sha256').update(out, 'latin1').digest('hex')).toBe(digest)
          await expect.poll(() => pool.stats().idle, PATIENCE).toBe(1)
        }
        expect(pool.stats()).toMatchObject({ created: 1, lent: { reused: 2 } })
      })

      it('does not share the connection of a download that was aborted', async () => {
        const { port, pool } = await relayTo(servers[kind])
        const { code } = await curl([
          '--limit-rate',
          '1M',
          '--max-time',
          '0.3',
          `http://127.0.0.1:${port}/file`,
        ])
        expect(code).toBe(28)
        await expect.poll(() => pool.stats().total, PATIENCE).toBe(0)
        expect((await curl([`http://127.0.0.1:${port}/id/next`])).out).toBe('/id/next')
        expect(pool.stats().lent.reused).toBe(0)
      })

      it(`serves ${SESSIONS} sessions of one GET each by at most one connection in twenty`, async () => {
        const { port, pool } = await relayTo(servers[kind])
        servers.served()
        const wrong = await sessions(SESSIONS, (i) => session(port, `/id/${kind}-${i}`, i % 2 === 0))
        expect(wrong).toEqual([])
        const { lent, created } = pool.stats()
        expect(lent.reused + lent.dialed + lent.prewarmed).toBe(SESSIONS)
        expect(lent.reused).toBeGreaterThanOrEqual(SESSIONS * 0.95)
        if (kind === 'nginx') {
          const { connections, requests } = servers.served()
          expect(requests).toBe(SESSIONS)
          // One that was dialed may have been beaten by one that came back.
          expect(connections).toBeLessThanOrEqual(created)
          expect(connections).toBeLessThanOrEqual(SESSIONS / 20)
        }
      }, 300_000)

      it('shares and loses nothing when the clients ask for Connection: close', async () => {
        const { port, pool } = await relayTo(servers[kind])
        const closing = 'Connection: close\r\n'
        const wrong = await sessions(100, (i) => session(port, `/id/close-${i}`, i % 2 === 0, closing))
        expect(wrong).toEqual([])
        expect(pool.stats().lent).toEqual({ dialed: 100, prewarmed: 0, reused: 0 })
        await expect.poll(() => pool.stats().total, PATIENCE).toBe(0)
      })
    })
  }
})

async function relayTo(port: number) {
  const pool = connectionPool({ dial: { host: '127.0.0.1', port }, reuse: http1() })
  const server = createRelayServer({ upstream: pool })
  onTestFinished(async () => {
    await server.close({ graceMs: 0 })
    await pool.close({ graceMs: 0 })
  })
  const address = await server.listen('127.0.0.1:0')
  if ('path' in address) throw new Error('not a port')
  return { port: address.port, pool }
}

/** What must be the same each time: all but the clock, and the random boundary of several ranges. */
function stable({ code, out }: { readonly code: number; readonly out: string }) {
  return { code, out: out.replace(/^Date: .*$/gim, '').replace(/\b0{6,}\d+\b/g, 'boundary') }
}

/** That many sessions, some at a time; resolves with what went wrong. */
async function sessions(count: number, one: (i: number) => Promise<string | undefined>): Promise<string[]> {
  const wrong: string[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const problem = await one(i)
      if (problem !== undefined) wrong.push(problem)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return wrong
}

/** One GET by a client that leaves by FIN, at once or when it has the answer. */
async function session(port: number, path: string, atOnce: boolean, field = ''): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  const request = `GET ${path} HTTP/1.1\r\nHost: h\r\n${field}\r\n`
  if (atOnce) socket.end(request)
  else socket.write(request)
  const received = await collected(socket, () => socket.end())
  const [head = '', body] = received.split('\r\n\r\n')
  return head.startsWith('HTTP/1.1 200 ') && body === path ? undefined : `${path}: ${received}`
}

async function collected(socket: Socket, onAnswer: () => void): Promise<string> {
  let text = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    text += chunk
    const length = /content-length: (\d+)/i.exec(text)?.[1]
    const at = text.indexOf('\r\n\r\n')
    if (at >= 0 && text.length >= at + 4 + Number(length)) onAnswer()
  })
  await new Promise<void>((resolve) => socket.on('close', () => resolve()).on('error', () => {}))
  return text
}

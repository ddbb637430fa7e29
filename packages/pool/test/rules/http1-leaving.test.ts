import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { client } from '../../../core/test/support/upstream.js'
import { connectionPool } from '../../src/index.js'
import { http1 } from '../../src/rules/http1.js'
import { relayed } from '../connection/pooled.js'
import { answer, get, ok, open, request } from './http1-support.js'

// Far less than the FIN of a client whose answer is only late may be withheld.
const SOON_MS = 1_000

it('is to end with its client while anything but a safe request is outstanding', () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'LOCK', 'MOVE']) {
    const proof = open()
    proof.up(Buffer.concat([get, request(`${method} /`), get]))
    expect(proof.endsWithClient, method).toBe(true)
    proof.down(ok)
    expect(proof.endsWithClient, method).toBe(true)
    proof.down(answer(200, { body: '' }))
    expect(proof.endsWithClient, method).toBe(false)
    expect(proof.state).toBe('busy')
  }
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']) {
    const proof = open()
    proof.up(request(`${method} /`))
    expect(proof.state, method).toBe('busy')
    expect(proof.endsWithClient, method).toBe(false)
  }
  const proof = http1({ methods: ['PURGE'] }).open()
  proof.up(request('PURGE /'))
  expect(proof.endsWithClient).toBe(true)
})

for (const how of ['end', 'reset'] as const) {
  it(`lets a server hear at once that the client of a long poll has left (${how})`, async () => {
    const polls: ServerResponse[] = []
    const server = createServer((_incoming, response) => void polls.push(response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    const pool = connectionPool({
      dial: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
      reuse: http1(),
    })
    onTestFinished(() => pool.close({ graceMs: 0 }))
    const { address } = await relayed(pool)
    const caller = await client(address)
    await caller.write(request('POST /messages', { body: 'next' }))
    await expect.poll(() => polls.length).toBe(1)
    caller[how]()
    await expect.poll(() => polls[0]?.closed, { timeout: SOON_MS }).toBe(true)
    await expect.poll(() => pool.stats().total).toBe(0)
  })
}

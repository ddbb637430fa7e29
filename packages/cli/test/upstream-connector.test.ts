import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { ConnectContext } from '@relay/core'
import { expect, onTestFinished, test } from 'vitest'
import { upstreamConnector } from '../src/upstream-connector.js'

test('--reuse lines takes lines that end in LF and lines that end in CRLF', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const address = { host: '127.0.0.1', port }
  const flags = { prewarm: 0, reuse: 'lines', poolIdle: 1, poolMaxAge: 1, poolStats: 0 } as const
  const { connector } = await upstreamConnector({ address, tls: false }, 5_000, flags, () => {})
  onTestFinished(async () => {
    await connector.close()
    server.close()
    await once(server, 'close')
  })
  const lease = await connector.connect({ signal: new AbortController().signal } as ConnectContext)
  for (const end of ['\n', '\r\n']) {
    lease.proof?.up(Buffer.from(`ask${end}`))
    expect(lease.proof?.state).toBe('busy')
    expect(lease.proof?.down(Buffer.from(`answer${end}`))).toBe(true)
    expect(lease.proof?.state).toBe('idle')
  }
  lease.discard()
})

import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { finished } from 'node:stream/promises'
import type { Address } from '@relay/core'

export interface ExchangeOptions {
  readonly send: readonly Buffer[]
  /** All that has to come back. */
  readonly expect: readonly Buffer[]
  /** Sends FIN only when the whole answer is there. @default false: right after what is sent */
  readonly waitForAnswer?: boolean
}

export interface Exchange {
  readonly sent: number
  readonly received: number
  readonly ms: number
}

/** One session as a client has it. **Fails** unless exactly the expected bytes come back and a FIN ends them. */
export async function exchange(address: Address, options: ExchangeOptions): Promise<Exchange> {
  const { send, expect, waitForAnswer = false } = options
  const expected = digest(expect)
  const hash = createHash('sha256')
  let received = 0

  const startedAt = performance.now()
  const socket = connect({ ...address, allowHalfOpen: true, noDelay: true })
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    received += chunk.length
    if (waitForAnswer && received >= expected.bytes) socket.end()
  })
  for (const chunk of send) socket.write(chunk)
  if (!waitForAnswer) socket.end()
  await finished(socket)

  const ms = performance.now() - startedAt
  if (hash.digest('hex') !== expected.hash) {
    throw new Error(`the answer differs: ${received} bytes came, ${expected.bytes} were expected`)
  }
  return { sent: send.reduce((sum, chunk) => sum + chunk.length, 0), received, ms }
}

function digest(chunks: readonly Buffer[]): { hash: string; bytes: number } {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return { hash: hash.digest('hex'), bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0) }
}

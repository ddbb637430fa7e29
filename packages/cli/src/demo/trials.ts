import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, createRelayServer, dialer } from '@relay/core'
import { type Exchange, exchange } from './exchange.js'

const LATE_MS = 500

const trials: Readonly<Record<string, (relay: Address) => Promise<Exchange>>> = {
  'a small request and its answer': (relay) => question(relay, Buffer.from('Is anybody there?\n')),
  '16 MiB up, and the echo of it': upload,
  [`FIN at once, the answer ${LATE_MS} ms later`]: lateAnswer,
  '100 sessions of 1 KiB at the same time': crowd,
}

/** Sends a few sessions through a relay to an echo. **Fails** if one byte is not as it should be. */
export async function runTrials(relay: Address): Promise<(Exchange & { name: string })[]> {
  const measured = []
  for (const [name, trial] of Object.entries(trials)) {
    const result = await trial(relay).catch((error: Error) => {
      throw new Error(`${name}: ${error.message}`, { cause: error })
    })
    measured.push({ name, ...result })
  }
  return measured
}

function question(relay: Address, text: Buffer): Promise<Exchange> {
  return exchange(relay, { send: [text], expect: [text], waitForAnswer: true })
}

function upload(relay: Address): Promise<Exchange> {
  const chunks = Array.from({ length: 256 }, () => randomBytes(64 * 1024))
  return exchange(relay, { send: chunks, expect: chunks })
}

async function crowd(relay: Address): Promise<Exchange> {
  const startedAt = performance.now()
  const all = await Promise.all(Array.from({ length: 100 }, () => question(relay, randomBytes(1024))))
  const sum = (key: 'sent' | 'received'): number => all.reduce((total, one) => total + one[key], 0)
  return { sent: sum('sent'), received: sum('received'), ms: performance.now() - startedAt }
}

// The echo upstream answers at once, so this trial brings an upstream that does not, and a relay before it.
async function lateAnswer(): Promise<Exchange> {
  const answer = Buffer.from('Sorry to keep you waiting.\n')
  const upstream = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.resume().once('end', () => sleep(LATE_MS).then(() => socket.end(answer)))
  })
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  const connector = dialer({ host: '127.0.0.1', port: (upstream.address() as AddressInfo).port })
  const relay = createRelayServer({ upstream: connector })
  try {
    const address = await relay.listen('127.0.0.1:0')
    return await exchange(address, { send: [Buffer.from('Take your time.\n')], expect: [answer] })
  } finally {
    await relay.close({ graceMs: 0 })
    await connector.close()
    upstream.close()
  }
}

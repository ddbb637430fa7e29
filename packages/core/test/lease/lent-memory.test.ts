import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type Peer, sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { type House, house, ToyProof } from './toy.js'

// Larger than what is copied, smaller than what makes the memory grow.
const LINE_BYTES = 24 * 1024

interface Stuck extends House {
  readonly slow: Peer
  readonly served: Peer
  /** All that the relay has read from the upstream; some of it waits for the client, in memory that was lent. */
  readonly sent: Buffer
}

/** An idle lease whose client does not read: every answer is there, and the last of them is stuck in the relay. */
async function stuck(trusted = false): Promise<Stuck> {
  const proof = new ToyProof()
  const proofs = [proof]
  const made = await house(
    trusted ? { proof: null, trusted } : { proof: () => proofs.pop() ?? new ToyProof() },
  )
  const slow = await client(made.address, { paused: true })
  const served = await made.peer(0)
  const lines: Buffer[] = []
  const received = (): number => made.server.stats().down.bytes
  for (let sent = 0; ; ) {
    // One line at a time, so that each is one read and the last is not half an answer.
    await slow.write('ask\n')
    await served.arrived(4 * (lines.length + 1))
    const line = Buffer.alloc(LINE_BYTES, `line ${lines.length} `)
    line[LINE_BYTES - 1] = 10
    lines.push(line)
    await served.write(line)
    if (!trusted) while (proof.state !== 'idle') await nextTurn()
    sent += LINE_BYTES
    for (let turn = 0; turn < 40 && received() < sent; turn++) await nextTurn()
    if (received() < sent) return { ...made, slow, served, sent: Buffer.concat(lines) }
  }
}

/** One session that must get its own answer, and nothing else. */
async function next(made: House, index: number): Promise<void> {
  const served = await made.peer(0)
  const asked = served.bytes
  const caller = await client(made.address)
  await caller.write('next\n')
  await served.arrived(asked + 5)
  // Enough to overwrite whatever is still on loan.
  const answer = Buffer.alloc(200 * 1024, `answer ${index} `)
  answer[answer.length - 1] = 10
  await served.write(answer)
  await caller.arrived(answer.length)
  caller.end()
  expect(await caller.received).toEqual({ bytes: answer.length, hash: sha256(answer), ending: 'fin' })
  await made.connector.ended(index + 1)
}

describe.each([
  ['by proof', false],
  ['on trust', true],
])('a slow client with several MiB pending, %s', (_how, trusted) => {
  test('keeps the connection until the kernel has its bytes: nobody overwrites them', async () => {
    const made = await stuck(trusted)
    const { connector, slow, sent, address } = made
    expect(sent.length).toBeGreaterThan(100 * 1024)
    slow.end()
    // Somebody else does not get the connection now.
    await client(address)
    await made.peer(1)
    expect(connector.endings).toEqual([])
    slow.socket.resume()
    expect(await slow.received).toEqual({ bytes: sent.length, hash: sha256(sent), ending: 'fin' })
    expect(await connector.ended(1)).toEqual(['reusable'])
    for (let index = 1; index < 4; index++) await next(made, index)
  })

  test('that resets gives the connection back at once, and harms nobody after it', async () => {
    const made = await stuck(trusted)
    made.slow.reset()
    expect(await made.connector.ended(1)).toEqual(['reusable'])
    for (let index = 1; index < 4; index++) await next(made, index)
    expect(made.connector.endings).toEqual(['reusable', 'reusable', 'reusable', 'reusable'])
    expect(made.connector.connections.size).toBe(1)
  })
})

test('a slow client that is cut off gives the connection back, and harms nobody after it', async () => {
  const made = await stuck()
  const id = made.server.sessions()[0]?.id ?? ''
  expect(made.server.kill(id)).toBe(true)
  expect(await made.connector.ended(1)).toEqual(['reusable'])
  for (let index = 1; index < 4; index++) await next(made, index)
  expect(made.connector.connections.size).toBe(1)
})

test('two clients in turn on one connection, each slow: both streams arrive as they were sent', async () => {
  const made = await house()
  const streams: Buffer[] = []
  const callers: Peer[] = []
  for (let session = 0; session < 6; session++) {
    const caller = await client(made.address, { paused: true })
    const served = await made.peer(0)
    const asked = served.bytes
    await caller.write('ask\n')
    await served.arrived(asked + 4)
    // Fits the kernel's queues, so that the connection is back long before its client has read a byte.
    const answer = Buffer.alloc(300 * 1024, `${session} was here `)
    answer[answer.length - 1] = 10
    streams.push(answer)
    callers.push(caller)
    await served.write(answer)
    caller.end()
    await made.connector.ended(session + 1)
  }
  expect(made.connector.connections.size).toBe(1)
  for (const [index, caller] of callers.entries()) {
    caller.socket.resume()
    expect((await caller.received).hash, `client ${index}`).toBe(sha256(streams[index] as Buffer))
  }
})

test('a connection whose last chunk somebody still holds is not given back', async () => {
  const made = await house()
  const lease = await made.connector.connect()
  let onCopied: () => void
  const copied = new Promise<void>((resolve) => {
    onCopied = resolve
  })
  const held = new Promise<void>((resolve) => {
    lease.connection.attach({
      reader: {
        onData: (_chunk, loan) => {
          loan?.keep()
          if (loan === undefined) onCopied()
          else resolve()
          return true
        },
        onEnd: () => {},
      },
      writer: { onFlushed: () => {}, onFinished: () => {} },
      onClosed: () => {},
    })
  })
  lease.connection.resume()
  const peer = await made.peer(0)
  await peer.write(Buffer.alloc(LINE_BYTES, 'copied, and from then on lent'))
  await copied
  await peer.write('read, and not returned')
  await held
  await lease.release()
  expect(made.connector.endings).toEqual(['unflushed'])
})

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { ProofState, ReuseProof } from '../../src/reuse-proof.js'
import { type Peer, sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { type House, house, type ToyConnectorOptions, ToyProof } from './toy.js'

/** Every request waits for something that its client gets alone. */
class PoppingProof extends ToyProof {
  get endsWithClient(): boolean {
    return this.state === 'busy'
  }
}

async function asked(lease: ToyConnectorOptions): Promise<House & { caller: Peer; served: Peer }> {
  const made = await house(lease)
  const caller = await client(made.address)
  await caller.write('pop\n')
  const served = await made.peer(0)
  await served.arrived(4)
  return { ...made, caller, served }
}

for (const settleMs of [0, 60_000]) {
  test(`an upstream that is to end with its client sees the client's FIN while the answer is outstanding (settleMs ${settleMs})`, async () => {
    const { connector, caller, served, result } = await asked({ proof: () => new PoppingProof(), settleMs })
    caller.end()
    expect(await served.received).toMatchObject({ hash: sha256('pop\n'), ending: 'fin' })
    served.end()
    expect(await caller.received).toMatchObject({ bytes: 0, ending: 'fin' })
    expect(await result(0)).toMatchObject({ reason: 'client-end' })
    expect(connector.endings).toEqual(['discarded'])
  })

  test(`it sees a FIN when the client resets, for a reset would have to wait (settleMs ${settleMs})`, async () => {
    const { connector, caller, served, result } = await asked({ proof: () => new PoppingProof(), settleMs })
    caller.reset()
    expect(await served.received).toMatchObject({ hash: sha256('pop\n'), ending: 'fin' })
    expect(await result(0)).toMatchObject({ reason: 'client-reset' })
    expect(connector.endings).toEqual(['discarded'])
  })
}

test('it is reset when it does not answer that FIN', async () => {
  const { caller, served, result } = await asked({ proof: () => new PoppingProof() })
  const broken = once(served.socket, 'error')
  caller.reset()
  expect(await served.received).toMatchObject({ ending: 'fin' })
  // So that the reset is seen: behind a FIN nobody reads.
  await result(0)
  served.socket.write('an element\n')
  expect(await broken).toMatchObject([{ code: expect.stringMatching(/ECONNRESET|EPIPE/) }])
})

test('a connection is given back when all that was to end with the client is answered', async () => {
  const { connector, caller, served, result } = await asked({ proof: () => new PoppingProof() })
  await served.write('an element\n')
  await caller.arrived(11)
  caller.end()
  await result(0)
  expect(connector.endings).toEqual(['reusable'])
})

/** Nothing is ever answered. */
class QuietProof implements ReuseProof {
  readonly state: ProofState = 'idle'
  up(): void {}
  down(): boolean {
    return true
  }
}

test('what no answer is asked for has reached the upstream when the connection is given back', async () => {
  const { connector, address, server, peer, result } = await house({ proof: () => new QuietProof() })
  const caller = await client(address)
  const served = await peer(0)
  served.socket.pause()
  // Until the kernel takes no more of it: the last piece waits in the process.
  const piece = Buffer.alloc(16 * 1024, 'quiet ')
  let pieces = 0
  for (let stuck = false; !stuck; ) {
    await caller.write(piece)
    pieces++
    // Turns of the loop, which the relay shares: on a busy machine a time would be over before its turn.
    for (let turns = 0; server.stats().up.bytes < pieces * piece.length && !stuck; turns++) {
      await sleep(1)
      stuck = turns > 200
    }
  }
  caller.end()
  // Longer than a lease that has ended waits for what is left.
  await Promise.race([connector.ended(1), sleep(1_500)])
  expect(connector.endings).toEqual([])
  served.socket.resume()
  expect(await caller.received).toMatchObject({ bytes: 0, ending: 'fin' })
  await result(0)
  expect(connector.endings).toEqual(['reusable'])
  for (const connection of connector.connections) connection.destroy()
  expect(await served.received).toMatchObject({ bytes: pieces * piece.length })
})

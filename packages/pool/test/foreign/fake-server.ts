import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { onTestFinished } from 'vitest'
import { random } from '../../../core/test/support/random.js'
import { FakeConnection } from './fake-connection.js'
import type { Wires } from './wires.js'

export interface FakeServer {
  readonly port: number
  readonly accepted: number
  /** What it found that a fresh connection would not have had. */
  readonly complaints: readonly string[]
  /** What it did wrong, and how often. */
  readonly misdeeds: Readonly<Record<string, number>>
  /** On a part of the connections, sends what nobody has asked for; resolves with whether the relay has read it all. */
  stray(): () => boolean
}

/** A server that speaks enough Redis, and is hostile on half of its connections; it is gone when the test is. */
export async function fakeServer(seed: number, wires: Wires): Promise<FakeServer> {
  const connections = new Set<FakeConnection>()
  const complaints: string[] = []
  const misdeeds: Record<string, number> = {}
  const rng = random(seed)
  let accepted = 0
  const house = {
    rng,
    wires,
    data: new Map<string, string>(),
    waiting: new Map<string, FakeConnection>(),
    complain: (complaint: string) => void complaints.push(complaint),
    count: (misdeed: string) => {
      misdeeds[misdeed] = (misdeeds[misdeed] ?? 0) + 1
    },
  }
  const server = createServer({ noDelay: true }, (socket) => {
    accepted++
    const connection = new FakeConnection(socket, house)
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const { socket } of connections) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted
    },
    complaints,
    misdeeds,
    stray: () => {
      const strayed = [...connections].filter((connection) => rng.int(3) === 0 && connection.stray())
      return () => strayed.every(({ socket }) => socket.destroyed || wires.read(socket))
    },
  }
}

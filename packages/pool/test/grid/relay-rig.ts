import { Transform } from 'node:stream'
import {
  type Address,
  type Connector,
  createRelayServer,
  dialer,
  type Lease,
  type RelayServer,
  type Stage,
} from '@relay/core'
import { type ConnectionPool, connectionPool, lines } from '../../src/index.js'
import { isUnix } from './cells.js'
import type { Plan } from './plan.js'
import { SessionRecord } from './record.js'
import { SocketFolder } from './socket-folder.js'
import { tlsKeys } from './upstream-rig.js'

/** The deadlines of a run. One that is to end it is short; the others must not be in its way on a busy machine. */
interface Deadlines {
  readonly connectTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly lingerMs: number
  readonly maxDurationMs: number
  readonly graceMs: number
}

function deadlinesOf({ fault, side, phase, carrier, shortDrain }: Plan): Deadlines {
  const stall = fault === 'stall'
  const noUpstream =
    side === 'upstream' && (phase === 'before-connect' || (phase === 'connecting' && carrier === 'tls'))
  return {
    connectTimeoutMs: noUpstream && stall ? 150 : 8_000,
    // A slow writer must outlive it.
    idleTimeoutMs: stall || fault === 'slow-write' ? 200 : 8_000,
    lingerMs: stall ? 160 : 8_000,
    maxDurationMs: 15_000,
    graceMs: stall && shortDrain ? 100 : 12_000,
  }
}

/** The relay under test, with its connector, and all that it says. */
export class RelayRig {
  readonly record = new SessionRecord()
  readonly server: RelayServer
  readonly connector: Connector
  readonly pool: ConnectionPool | undefined
  readonly deadlines: Deadlines
  /** Whoever asks for a connection waits for this first. */
  gate: (signal: AbortSignal) => Promise<void> = async () => {}
  readonly #folder: SocketFolder | undefined
  #borrowed: Lease | undefined

  /** @param other - Deadlines that are not those of the plan. */
  constructor(plan: Plan, upstream: Address, other: Partial<Deadlines> = {}) {
    this.deadlines = { ...deadlinesOf(plan), ...other }
    const { connectTimeoutMs, graceMs: _, ...deadlines } = this.deadlines
    const tls = plan.carrier === 'tls' && { ca: tlsKeys().cert }
    const target = { ...upstream, tls }
    const pooled = plan.source === 'pooled' || plan.phase === 'in-pool'
    this.pool = pooled
      ? connectionPool({
          dial: target,
          connectTimeoutMs,
          ...(plan.shared ? { reuse: lines({ maxLineBytes: 2 ** 24 }) } : {}),
          // Where a session waits for its connection there must be no other.
          ...(plan.phase === 'before-connect' && { max: 1 }),
        })
      : undefined
    this.connector = this.pool ?? dialer({ ...target, connectTimeoutMs })
    const { record } = this
    this.server = createRelayServer({
      ...deadlines,
      halfClose: plan.halfClose,
      stages: stagesOf(plan),
      upstream: record.watch(this.connector, (signal) => this.gate(signal)),
      onSession: ({ id }) => record.openCallbacks.push(id),
      onClose: ({ id }, result) => record.closeCallbacks.push({ id, result }),
    })
    if (isUnix(plan.carrier, 'client')) this.#folder = new SocketFolder()
    record.start()
  }

  async listen(): Promise<void> {
    const { path } = this.#folder ?? {}
    await this.server.listen(path === undefined ? '127.0.0.1:0' : { path })
  }

  /** Takes the idle connection away, so that a session has to wait for it; returns what gives it back. */
  async borrow(): Promise<() => Promise<void>> {
    this.#borrowed = await this.pool?.borrow()
    return async () => {
      await this.#borrowed?.release()
      this.#borrowed = undefined
    }
  }

  /** Stops what the run did not end. */
  async close(): Promise<void> {
    await this.#borrowed?.release()
    await this.server.close({ graceMs: 0 })
    await this.connector.close()
    this.record.stop()
    this.#folder?.remove()
  }
}

// It changes nothing, but what it is made of carries every byte.
function stagesOf({ carrier, functionStage }: Plan): Stage[] {
  if (carrier !== 'stage') return []
  const step = functionStage
    ? () => (chunk: Buffer) => chunk
    : () => new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) })
  return [{ name: 'pass', up: step, down: step }]
}

import { Baseline } from './baseline.js'
import { type GridRun, nameOf } from './cells.js'
import { greets, isReplaced, isSilenced } from './claims.js'
import { within } from './deadline.js'
import { expectationOf, wholeExpectation } from './expectation.js'
import { fail } from './fail.js'
import { invariantsOfConnector, invariantsOfRecord, invariantsOfSession } from './invariants.js'
import { judge } from './judge.js'
import type { Keeper } from './keeper.js'
import { readLate } from './late-reading.js'
import type { GridPeer } from './peer.js'
import { clientHold, endsFirst, failInPool, openUpstream, reach, upstreamHold } from './phases.js'
import { type Conversation, type Plan, planOf } from './plan.js'
import { RelayRig } from './relay-rig.js'
import type { EndsFirst } from './script.js'
import { GridSession } from './session.js'
import { UpstreamRig } from './upstream-rig.js'

const SLACK_MS = 10_000

/** Plays one run; resolves with all that went wrong. */
export async function runCell(run: GridRun, keeper: Keeper): Promise<string[]> {
  const plan = planOf(run)
  const baseline = new Baseline()
  const cell = new CellRun(plan, keeper)
  const failures: string[] = []
  try {
    await cell.open()
    await cell.play(failures)
    await cell.playAfter(failures)
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  await within(cell.close(), SLACK_MS, () => 'what was played is still open').catch((error: Error) => {
    failures.push(error.message)
  })
  failures.push(
    ...invariantsOfRecord(cell.relay),
    ...invariantsOfConnector(cell.relay),
    ...(await baseline.end()),
  )
  return failures.map((failure) => `${nameOf(run)}, seed ${plan.seed}: ${failure}`)
}

class CellRun {
  readonly #plan: Plan
  readonly #keeper: Keeper
  readonly #upstream: UpstreamRig
  readonly #peers = new Set<GridPeer>()
  #relay: RelayRig | undefined
  #draining: Promise<void> | undefined

  constructor(plan: Plan, keeper: Keeper) {
    this.#plan = plan
    this.#keeper = keeper
    this.#upstream = new UpstreamRig(plan.carrier)
  }

  get relay(): RelayRig {
    return this.#relay as RelayRig
  }

  async open(): Promise<void> {
    await openUpstream(this.#plan, this.#upstream, this.#keeper)
    this.#relay = new RelayRig(this.#plan, this.#upstream.address)
    await this.relay.listen()
    if (this.#plan.origin === 'reused') await this.#exchange(this.#plan.before)
    if (this.#plan.origin === 'prewarmed') await this.relay.pool?.prewarm(1)
  }

  /** The session with the fault. */
  async play(failures: string[]): Promise<void> {
    const plan = this.#plan
    const { side, phase } = plan
    const session = this.#session(plan.main, endsFirst(plan))
    const state = (): string => session.state
    session.onUpstream = (upstream) => upstream.hold(upstreamHold(plan))
    if (phase === 'connecting' && greets(plan)) {
      this.#upstream.onPeer = (peer) => {
        peer.writeSlowly()
        session.serve(peer)
        peer.allow(plan.main.down.endOf(1))
      }
    }
    if (phase === 'in-pool') {
      await within(failInPool(plan, this.relay, this.#upstream, session), SLACK_MS, () => 'in the pool')
    }
    const openGate = phase === 'before-connect' && side === 'client' ? await this.#shutGate() : async () => {}
    const client = await session.connect(clientHold(plan))
    this.#peers.add(client)
    await within(reach(plan, session), SLACK_MS, () => `on its way to the fault, ${state()}`)
    if (phase === 'draining') {
      this.#draining = this.relay.server.close({ graceMs: this.relay.deadlines.graceMs })
    }
    const { upstream } = session
    const [faulty, other] = side === 'client' ? [client, upstream] : [upstream, client]
    if (isSilenced(plan) && plan.fault !== 'close-unread') other?.silence()
    // In the pool, or at its welcome, the upstream has failed already.
    if (faulty !== undefined && phase !== 'in-pool' && (phase !== 'connecting' || side === 'client')) {
      await within(fail(plan, session, faulty, other), SLACK_MS, () => `failing, ${state()}`)
    }
    // Before the client speaks: whether it was stale then is the question.
    if (isReplaced(plan) && phase !== 'in-pool') {
      await within(
        session.condition.met(() => session.leases.length > 1),
        SLACK_MS,
        () => `stale, ${state()}`,
      )
    }
    session.onUpstream = () => {}
    for (const peer of [client, session.upstream]) {
      const goesOn = !plan.lateReader || peer === faulty
      if (plan.late === 'nobody' && goesOn) peer?.hold(Number.POSITIVE_INFINITY)
    }
    if (plan.late !== 'nobody')
      await within(readLate(plan, session), SLACK_MS, () => `reading late, ${state()}`)
    await openGate()
    if (phase === 'connecting' && side === 'client') await this.#upstream.release()
    await within(session.over(), this.#boundMs(), state)
    failures.push(...judge(session, expectationOf(plan)), ...invariantsOfSession(session, plan))
  }

  /** Whoever comes next finds nothing of it. */
  async playAfter(failures: string[]): Promise<void> {
    const { side, phase, after, carrier } = this.#plan
    if (phase === 'draining' || (side === 'upstream' && phase === 'before-connect')) return
    // It is still not accepting.
    if (side === 'upstream' && phase === 'connecting' && carrier !== 'tls') await this.#upstream.release()
    this.#upstream.welcome = 'serve'
    this.#upstream.onPeer = () => {}
    const session = await this.#exchange(after)
    const { origin } = session.leases[0] ?? { origin: 'dialed' }
    const { pool } = this.relay
    const plan: Plan = {
      ...this.#plan,
      fault: 'slow-read',
      origin,
      otherEnded: false,
      endsFirst: 'client',
    }
    failures.push(
      ...judge(session, wholeExpectation(plan)).map((failure) => `the session after it: ${failure}`),
      ...invariantsOfSession(session, plan).map((failure) => `the session after it: ${failure}`),
    )
    if (pool !== undefined && this.#plan.shared && pool.stats().idle === 0) {
      failures.push('the session after it has not given its connection back')
    }
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.destroy()
    await this.#relay?.close()
    await this.#draining
    await this.#upstream.close()
  }

  /** A session in which nothing goes wrong. */
  async #exchange(conversation: Conversation): Promise<GridSession> {
    const session = this.#session(conversation, 'client')
    this.#peers.add(await session.connect(Number.POSITIVE_INFINITY))
    await within(session.over(), SLACK_MS, () => `a session without fault: ${session.state}`)
    return session
  }

  #session(conversation: Conversation, first: EndsFirst): GridSession {
    const { chunkBytes } = this.#plan
    return new GridSession(this.relay, this.#upstream, conversation, { endsFirst: first, chunkBytes })
  }

  /** Has the session wait for its connection; returns what ends the wait. */
  async #shutGate(): Promise<() => Promise<void>> {
    if (this.relay.pool !== undefined) return this.relay.borrow()
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    this.relay.gate = async (signal) => {
      let leave = (): void => {}
      const left = new Promise<void>((resolve) => {
        leave = resolve
        signal.addEventListener('abort', leave, { once: true })
      })
      await Promise.race([opened, left])
      signal.removeEventListener('abort', leave)
      signal.throwIfAborted()
    }
    return async () => open()
  }

  /** All deadlines that may have to pass, one after another. */
  #boundMs(): number {
    const { connectTimeoutMs, idleTimeoutMs, lingerMs, graceMs } = this.relay.deadlines
    const short = [connectTimeoutMs, 2 * idleTimeoutMs, 2 * lingerMs, graceMs].filter((ms) => ms < 1_000)
    return short.reduce((sum, ms) => sum + ms, SLACK_MS)
  }
}

import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from './address.js'
import { Arena } from './arena.js'
import { type Case, CaseFailure, type Finding } from './case.js'
import type { Setting } from './setting.js'
import { type Certificate, Upstream } from './upstream.js'

const CASE_MS = 20_000
const SETTLE_MS = 300

/** What became of one case. */
export interface Result extends Finding {
  readonly id: string
  readonly claim: string
  readonly ms: number
}

export interface RunOptions {
  readonly listen: Address
  readonly upstream: Address
  /** Of an upstream of TLS. */
  readonly certificate?: Certificate | undefined
  readonly setting: Setting
  readonly cases: readonly Case[]
  /** Cases at once; those that need the relay for themselves come after the others, one by one. */
  readonly jobs: number
  readonly onResult?: (result: Result) => void
}

/** Plays all cases against the relay, as its clients and as its upstream, and resolves with what was found, in their order. */
export async function runCases(options: RunOptions): Promise<readonly Result[]> {
  const { listen, setting, cases, jobs, onResult } = options
  await connectOnce(listen)
  const upstream = new Upstream(options.upstream, options.certificate)
  await upstream.listen()
  // What the relay makes of our knock must be over before an empty session is looked for.
  await sleep(SETTLE_MS)
  const results = new Map<Case, Result>()
  const play = async (one: Case): Promise<void> => {
    const result = await playCase(one, new Arena(listen, options.upstream, upstream, setting))
    results.set(one, result)
    onResult?.(result)
  }
  try {
    const waiting = cases.filter(({ alone }) => alone !== true)
    const worker = async (): Promise<void> => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await play(one)
    }
    await Promise.all(Array.from({ length: jobs }, worker))
    const alone = cases.filter((one) => one.alone === true)
    for (const one of alone) if (one.stopsRelay !== true) await play(one)
    for (const one of alone) if (one.stopsRelay === true) await play(one)
  } finally {
    await upstream.close()
  }
  return cases.flatMap((one) => results.get(one) ?? [])
}

async function connectOnce(address: Address): Promise<void> {
  const socket = connect(address)
  try {
    await once(socket, 'connect')
  } catch (error) {
    // A reset comes from somebody: a relay that does not find its upstream, which does not listen yet.
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ECONNRESET') throw new Error(`no relay to connect to: ${message}`)
  } finally {
    if (address.transport === 'unix') socket.destroy()
    else socket.resetAndDestroy()
  }
}

async function playCase(one: Case, arena: Arena): Promise<Result> {
  const { limitMs = CASE_MS } = one
  const startedAt = performance.now()
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => resolve({ pass: false, seen: `not over after ${limitMs} ms` }), limitMs)
  })
  const finding = await Promise.race([one.run(arena).catch(failed), timeout])
  clearTimeout(timer)
  const ms = Math.round(performance.now() - startedAt)
  await arena.clear()
  return { id: one.id, claim: one.claim, ...finding, ms }
}

function failed(error: unknown): Finding {
  const { message } = error as Error
  return { pass: false, seen: error instanceof CaseFailure ? message : `the suite failed: ${message}` }
}

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import type { Address } from '@relay/core'
import { Baseline } from './baseline.js'
import type { Carrier, Side } from './cells.js'
import { chance } from './chance.js'
import { Content } from './content.js'
import { Condition, seen, within } from './deadline.js'
import { expectationOf } from './expectation.js'
import { invariantsOfConnector, invariantsOfRecord } from './invariants.js'
import { compare } from './judge.js'
import { GridPeer } from './peer.js'
import { planOf } from './plan.js'
import { RelayRig } from './relay-rig.js'
import { SocketFolder } from './socket-folder.js'
import { UpstreamRig } from './upstream-rig.js'

/** How the process of one side ends: by itself, or by SIGKILL; with all read that came, or with bytes unread. */
export interface ProcessRun {
  readonly side: Side
  readonly carrier: Carrier
  readonly way: 'exit' | 'kill'
  readonly unread: boolean
}

const SLACK_MS = 10_000

/** Plays one; resolves with all that went wrong. */
export async function runProcess(run: ProcessRun): Promise<string[]> {
  const baseline = new Baseline()
  const stage = new ProcessStage(run)
  const failures: string[] = []
  try {
    await within(stage.open(), SLACK_MS, () => 'opening')
    await within(stage.play(failures), SLACK_MS, () => stage.state)
  } catch (error) {
    failures.push(String(error))
  }
  failures.push(...(await stage.close()), ...(await baseline.end()))
  return failures
}

class ProcessStage {
  readonly #run: ProcessRun
  readonly #condition = new Condition()
  readonly #up: Content
  readonly #down: Content
  #folder: SocketFolder | undefined
  #upstream: UpstreamRig | undefined
  #relay: RelayRig | undefined
  #child: ChildProcess | undefined
  /** The side that lives on. */
  #peer: GridPeer | undefined
  #heard = 0

  constructor(run: ProcessRun) {
    this.#run = run
    const rng = chance(JSON.stringify(run))
    this.#up = new Content('0000cafe', 'up', 2, 4_000, rng)
    this.#down = new Content('0000cafe', 'down', 2, 4_000, rng)
  }

  get state(): string {
    return `the process heard ${this.#heard}, the other ${this.#peer?.receivedBytes}, then ${this.#peer?.ending}`
  }

  async open(): Promise<void> {
    const { side, carrier } = this.#run
    if (side === 'client') {
      this.#upstream = new UpstreamRig(carrier)
      await this.#upstream.listen()
      await this.#openRelay(this.#upstream.address)
      const accepted = new Promise<GridPeer>((resolve) => {
        ;(this.#upstream as UpstreamRig).onPeer = resolve
      })
      await this.#fork((this.#relay as RelayRig).server.address as Address)
      this.#begin(await accepted, this.#down, this.#up)
    } else {
      this.#folder = carrier === 'unix' ? new SocketFolder() : undefined
      const { listening } = await this.#fork(
        this.#folder ? { path: this.#folder.path } : { host: '127.0.0.1', port: 0 },
      )
      await this.#openRelay(
        this.#folder ? { path: this.#folder.path } : { host: '127.0.0.1', port: listening?.port ?? 0 },
      )
      const connected = once(this.#child as ChildProcess, 'message')
      const socket = connect({
        ...((this.#relay as RelayRig).server.address as Address),
        allowHalfOpen: true,
      })
      await once(socket, 'connect')
      this.#begin(new GridPeer(socket), this.#up, this.#down)
      await connected
    }
  }

  /** Both have said a line and heard one; then the process ends. */
  async play(failures: string[]): Promise<void> {
    const { side, carrier, way, unread } = this.#run
    const [peer, child, relay] = [
      this.#peer as GridPeer,
      this.#child as ChildProcess,
      this.#relay as RelayRig,
    ]
    const [said, answer, toIt] =
      side === 'client' ? ([this.#up, this.#down, 'down'] as const) : ([this.#down, this.#up, 'up'] as const)
    child.on('message', ({ heard = this.#heard }: { heard?: number }) => {
      this.#heard = heard
      this.#condition.changed()
    })
    child.send({ say: said.bytes.toString('base64') })
    peer.allow(answer.endOf(1))
    await this.#condition.met(() => this.#heard === answer.endOf(1) && peer.receivedBytes === said.length)
    if (unread) {
      child.send({ stopReading: true })
      await once(child, 'message')
      peer.allow(answer.length)
      await seen(
        () => relay.server.stats()[toIt].bytes === answer.length,
        SLACK_MS,
        () => this.state,
      )
    }
    if (way === 'exit') child.send({ exit: true })
    else child.kill('SIGKILL')
    await this.#condition.met(() => relay.record.closed.length === 1)
    await peer.ended
    const fault = unread ? 'close-unread' : 'close'
    const expected = expectationOf(
      planOf({ side, carrier, fault, phase: 'idle', source: 'fresh', halfClose: 'forward', late: 'nobody' }),
    )
    const [other, view] =
      side === 'client' ? (['upstream', expected.upstream] as const) : (['client', expected.client] as const)
    failures.push(...compare(other, peer, said.length, peer.ending, view ?? expected.client))
    if (peer.faultOfReceived !== undefined) failures.push(peer.faultOfReceived)
    const reason = relay.record.closed[0]?.result.reason
    if (reason === undefined || !expected.reasons.includes(reason)) failures.push(`closed as ${reason}`)
  }

  async close(): Promise<string[]> {
    const child = this.#child
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    this.#peer?.destroy()
    await this.#relay?.close()
    await this.#upstream?.close()
    this.#folder?.remove()
    return this.#relay === undefined
      ? []
      : [...invariantsOfRecord(this.#relay), ...invariantsOfConnector(this.#relay)]
  }

  async #openRelay(upstream: Address): Promise<void> {
    const { side, carrier } = this.#run
    const plan = planOf({
      side,
      carrier,
      fault: 'close',
      phase: 'idle',
      source: 'fresh',
      halfClose: 'forward',
      late: 'nobody',
    })
    this.#relay = new RelayRig(plan, upstream)
    this.#relay.record.onChange = this.#condition.changed
    await this.#relay.listen()
  }

  async #fork(address: Address): Promise<{ readonly listening?: AddressInfo }> {
    const args = [JSON.stringify({ side: this.#run.side, address })]
    this.#child = fork(new URL('./process-peer.mjs', import.meta.url), args, { execArgv: [] })
    const [message] = await once(this.#child, 'message')
    return message
  }

  #begin(peer: GridPeer, sends: Content, expects: Content): void {
    this.#peer = peer
    peer.begin(sends, expects, sends.length, () => {
      if (peer.ending === 'fin') peer.end()
      this.#condition.changed()
    })
  }
}

import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from './address.js'
import { CaseFailure, otherSide, type Side } from './case.js'
import { HeldUpstream } from './held-upstream.js'
import { helloOf } from './hello.js'
import { Peer } from './peer.js'
import type { Setting } from './setting.js'
import { settled } from './settled.js'
import type { Upstream } from './upstream.js'

const CONNECT_MS = 8_000
const UNREAD_MS = 100
let sessions = 0

/** The two ends of one session through the relay under test. */
export type Session = Readonly<Record<Side, Peer>>

export interface SessionOptions {
  /** This side reads nothing until it is told to. */
  readonly late?: Side | undefined
  /** This side will have bytes that it has not read when it closes, so that its kernel answers with a reset. */
  readonly unread?: Side
  /** This side will reset: where its transport knows no other way, by closing with unread bytes. */
  readonly resets?: Side
}

/** What a case plays in: clients on the one side of the relay, the server on the other. All of it is gone after the case. */
export class Arena {
  readonly upstream: Upstream
  readonly setting: Setting
  readonly #listen: Address
  readonly #upstreamAddress: Address
  readonly #peers = new Set<Peer>()
  readonly #cleanUps: (() => Promise<void>)[] = []

  constructor(listen: Address, upstreamAddress: Address, upstream: Upstream, setting: Setting) {
    this.upstream = upstream
    this.setting = setting
    this.#listen = listen
    this.#upstreamAddress = upstreamAddress
  }

  /** A client of the relay that has said its hello, and the relay's connection to the server behind it. */
  async session({ late, resets, unread }: SessionOptions = {}): Promise<Session> {
    const unreadBy = unread ?? (resets && this.setting.transports[resets] === 'unix' ? resets : undefined)
    const holds = (side: Side): boolean => late === side || unreadBy === side
    const id = nextId()
    const arrival = this.arrival(id, holds('server'))
    const client = await this.client(holds('client'))
    this.greet(client, id)
    if (!(await settled(arrival, CONNECT_MS))) {
      throw new CaseFailure(`the relay did not connect to the upstream within ${CONNECT_MS} ms`)
    }
    const session = { client, server: await arrival }
    if (unreadBy !== undefined) await leaveUnread(session, unreadBy)
    return session
  }

  /** Says hello as the client of a session. */
  greet(client: Peer, id: string = nextId()): string {
    client.play(id, 'client')
    client.socket.write(helloOf(id))
    return id
  }

  arrival(id: string, late = false): Promise<Peer> {
    return new Promise((resolve) => {
      const arrived = (peer: Peer): void => {
        this.#peers.add(peer)
        resolve(peer)
      }
      this.upstream.expect(id, { late, arrived })
    })
  }

  /** A client of the relay that has said nothing; a late one reads nothing either. */
  async client(late = false): Promise<Peer> {
    const socket = new Socket({ allowHalfOpen: true })
    // Before it connects: only then Node asks for nothing at all.
    if (late) socket.pause()
    socket.connect(this.#listen)
    const peer = new Peer(socket, { transport: this.#listen.transport })
    this.#peers.add(peer)
    const connected = new Promise<true>((resolve) => socket.once('connect', () => resolve(true)))
    const outcome = Promise.race([connected, peer.stopped])
    const came = await settled(outcome, CONNECT_MS)
    // A reset says that it was accepted, and is for the case to judge.
    if (came && [true, 'reset'].includes(await outcome)) return peer
    throw new CaseFailure('the relay accepts no connection')
  }

  /** Takes the upstream's address away: a dial of the relay is refused. */
  async refuse(): Promise<void> {
    await this.upstream.close()
    this.#cleanUps.push(() => this.upstream.listen())
  }

  /** Takes the upstream's address, and lets the relay's dial hang until it is released. */
  async hold(): Promise<HeldUpstream> {
    await this.refuse()
    const held = new HeldUpstream(this.#upstreamAddress)
    this.#cleanUps.push(() => held.close())
    await held.listening()
    return held
  }

  /** Signals the relay to stop. */
  stopRelay(): void {
    try {
      if (this.setting.pid !== undefined) process.kill(this.setting.pid, 'SIGTERM')
    } catch (error) {
      // The first signal was enough.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  async clear(): Promise<void> {
    const open = [...this.#peers].filter(({ socket }) => !socket.closed)
    const closed = open.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)))
    for (const peer of open) peer.close()
    await Promise.all(closed)
    for (const cleanUp of this.#cleanUps.reverse()) await cleanUp()
  }
}

// A server on hold still reads what comes first, and only then stops.
async function leaveUnread(session: Session, side: Side): Promise<void> {
  for (const bytes of [1, 1_024]) {
    session[otherSide(side)].send(bytes)
    await sleep(UNREAD_MS)
  }
}

function nextId(): string {
  sessions += 1
  return `s${sessions}`
}

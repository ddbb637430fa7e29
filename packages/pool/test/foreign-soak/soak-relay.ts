import type { NetConnectOpts } from 'node:net'
import { type Cell, type Rng, stageFlags } from './cells.js'
import { dialects } from './dialects.js'
import { expected } from './expectation.js'
import { limitOf, planned } from './plan.js'
import { playClient } from './play-client.js'
import { RelayCommand, type SessionLine } from './relay-command.js'
import type { SoakPlace } from './soak-place.js'
import { SoakSession } from './soak-session.js'
import { SoakUpstream } from './soak-upstream.js'
import type { Tally } from './tally.js'

const AT_ONCE = 48
// Where there are not so many other sessions.
const MOST_DWELL_MS = 1_000

// Of the whole run: no two sessions have the same pattern.
let numbered = 0

/** One relay with its upstream, and the sessions that go through it. */
export class SoakRelay {
  readonly #cell: Cell
  readonly #tally: Tally
  readonly #rng: Rng
  readonly #limit: number
  readonly #played = new Map<number, SoakSession>()
  // The accepted sessions of a unix socket, whose order is that of connecting.
  readonly #inOrder: SoakSession[] = []
  readonly #dwelling = new Set<{ left: number; readonly readOn: () => void }>()
  readonly #upstream: SoakUpstream
  #command: RelayCommand | undefined
  #address: NetConnectOpts = { path: '' }

  constructor(cell: Cell, tally: Tally, rng: Rng, keys: SoakPlace['keys']) {
    this.#cell = cell
    this.#tally = tally
    this.#rng = rng
    this.#limit = limitOf(cell, rng)
    const book = {
      dialect: dialects[cell.carrying.dialect],
      sessionOf: (number: number) => this.#played.get(number),
      afterOthers: (count: number, then: () => void) => this.#afterOthers(count, then),
      onStray: (bytes: Buffer) => tally.addStray(cell.name, bytes),
    }
    this.#upstream = new SoakUpstream(book, cell.upstream === 'tls' ? keys : undefined)
  }

  /** Starts the upstream and the relay; resolves when both listen. */
  async start(place: SoakPlace): Promise<void> {
    const { carrying, client, upstream, stage } = this.#cell
    const heard = await this.#upstream.listen(upstream === 'unix' ? place.path() : undefined)
    const to = upstream === 'tls' ? `tls://${heard}` : heard
    const at = client === 'unix' ? `unix:${place.path()}` : '127.0.0.1:0'
    const flags = [...carrying.flags, ...stageFlags(stage, this.#limit)]
    this.#command = new RelayCommand([at, to, ...flags], {
      ca: upstream === 'tls' ? place.ca : undefined,
      onSession: (line) => this.#onLine(line),
    })
    const listen = await this.#command.listening()
    this.#address =
      client === 'unix'
        ? { path: listen.replace('unix:', '') }
        : { host: '127.0.0.1', port: Number(/:(\d+)$/.exec(listen)?.[1]) }
  }

  /** Plays so many sessions, stops, and judges them all: not before the relay is gone is nothing of them left on the way. */
  async play(sessions: number, onSession: () => void): Promise<void> {
    let left = sessions
    const next = async (): Promise<void> => {
      while (left-- > 0) {
        await this.#playOne()
        this.#onOver()
        onSession()
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    await this.#command?.stop()
    await this.#upstream.close()
    const { sharing } = this.#cell.carrying
    for (const session of this.#played.values())
      this.#tally.add(
        this.#cell.name,
        session,
        expected(this.#cell, session, this.#limit),
        sharing !== 'never',
      )
  }

  /** Ends both at once, whatever has become of them. */
  async abandon(): Promise<void> {
    this.#command?.kill()
    await this.#upstream.close()
  }

  async #playOne(): Promise<void> {
    const number = ++numbered
    const session = new SoakSession(
      number,
      planned(number, this.#played.size, this.#cell, this.#limit, this.#rng),
    )
    this.#played.set(number, session)
    const address =
      'path' in this.#address ? this.#address : { ...this.#address, localAddress: hostOf(number) }
    await playClient(session, address, {
      vouches: this.#cell.carrying.sharing === 'trust',
      onConnect: () => this.#inOrder.push(session),
      afterOthers: (count, then) => this.#afterOthers(count, then),
    })
  }

  #afterOthers(count: number, then: () => void): void {
    if (count === 0) return then()
    const dwelling = {
      left: count,
      readOn: () => {
        clearTimeout(timer)
        this.#dwelling.delete(dwelling)
        then()
      },
    }
    const timer = setTimeout(dwelling.readOn, MOST_DWELL_MS)
    this.#dwelling.add(dwelling)
  }

  #onOver(): void {
    for (const dwelling of this.#dwelling) if (--dwelling.left === 0) dwelling.readOn()
  }

  #onLine({ id, client, reason }: SessionLine): void {
    const session =
      this.#cell.client === 'unix'
        ? this.#inOrder[Number(id.split('-').at(-1)) - 1]
        : this.#played.get(numberOf(client))
    if (session !== undefined) session.reason = reason
  }
}

// All of 127.0.0.0/8 is this machine: a session is known by the address that its client comes from.
function hostOf(session: number): string {
  return `127.${64 + (session >> 16)}.${(session >> 8) & 255}.${session & 255}`
}

function numberOf(client: string): number {
  const [, high, middle, low] = client.split(':', 1).join('').split('.').map(Number)
  return (((high ?? 0) - 64) << 16) + ((middle ?? 0) << 8) + (low ?? 0)
}

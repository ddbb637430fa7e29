import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { random } from '../../../core/test/support/random.js'
import { identity, strangersIn } from '../foreign/identity.js'
import type { Wires } from '../foreign/wires.js'
import type { Protocol } from './rule-kit-protocols.js'

type Rng = ReturnType<typeof random>

/** Where a client leaves. */
const PLACES = ['silent', 'half a request', 'unread', 'half an answer', 'whole', 'half-close'] as const
const WAYS = ['fin', 'close', 'reset'] as const

export interface Crowd {
  readonly protocol: Protocol
  readonly port: number
  readonly sessions: number
  readonly atOnce: number
  readonly rng: Rng
  /** All leave by FIN with nothing owed, and judge their answers. */
  readonly clean: boolean
  readonly wires?: Wires
  /** How long a client waits for anything; 0: for ever. */
  readonly patienceMs: number
  /** Now and then, while no client writes. */
  lull?(): Promise<void>
}

export interface Outcome {
  sessions: number
  readonly foreign: string[]
  readonly wrong: string[]
  readonly left: Record<string, number>
}

/** One client on a raw socket, which keeps all it receives. */
class Guest {
  readonly socket: Socket
  /** Will write no more. */
  saidAll = false
  received = ''
  #wake: () => void = () => {}

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const wake = (): void => this.#wake()
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1')
      wake()
    })
    this.socket.on('end', () => this.socket.end())
    this.socket.on('close', wake)
    this.socket.on('connect', wake)
  }

  async until(isSo: () => boolean, patienceMs: number): Promise<void> {
    let patient = true
    const lose = (): void => {
      patient = false
      this.#wake()
    }
    const timer = patienceMs > 0 && !isSo() ? setTimeout(lose, patienceMs) : undefined
    while (patient && !isSo() && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    clearTimeout(timer)
  }

  write(text: string): void {
    if (!this.socket.destroyed && !this.socket.writableEnded) this.socket.write(text, 'latin1')
  }

  leave(how: (typeof WAYS)[number]): void {
    this.saidAll = true
    if (how === 'reset' && !this.socket.writableEnded) this.socket.resetAndDestroy()
    else if (how === 'fin') this.socket.end()
    else this.socket.destroy()
  }
}

/** Plays many sessions, some at a time. */
export async function runCrowd(crowd: Crowd): Promise<Outcome> {
  const { protocol, rng, patienceMs, clean } = crowd
  const outcome: Outcome = { sessions: 0, foreign: [], wrong: [], left: {} }
  let number = 0
  let closed: Promise<void> | undefined
  const gate = async (): Promise<void> => {
    while (closed !== undefined) await closed
  }

  // Some stay for what nobody has asked for.
  const linger = async (guest: Guest): Promise<void> => {
    if (rng.int(2) === 0) return guest.until(() => guest.received !== '', 20)
    for (let turns = rng.int(6); turns > 0; turns--) await turn()
  }

  const visit = async (id: string): Promise<void> => {
    const place = clean ? rng.pick(['whole', 'half-close'] as const) : rng.pick(PLACES)
    const how = clean ? 'fin' : rng.pick(WAYS)
    const guest = new Guest(crowd.port)
    guest.socket.once('connect', () => crowd.wires?.register(guest))
    await guest.until(() => !guest.socket.connecting, 0)
    let expected = ''
    const steps = place === 'silent' ? 0 : 1 + rng.int(3)
    for (let step = 1; step <= steps; step++) {
      const asked = Array.from({ length: 1 + rng.int(4) }, () => protocol.ask(id, rng))
      const text = asked.map(({ request }) => request).join('')
      const before = guest.received.length
      const last = step === steps
      if (last && place === 'half a request') {
        await gate()
        guest.saidAll = true
        guest.write(text.slice(0, 1 + rng.int(text.length - 1)))
        await linger(guest)
        break
      }
      const at = rng.int(4) === 0 ? rng.int(text.length) : 0
      if (at > 0) {
        await gate()
        guest.write(text.slice(0, at))
        await turn()
      }
      await gate()
      guest.saidAll = last
      guest.write(text.slice(at))
      if (last && place === 'half-close') guest.socket.end()
      expected += asked.map(({ reply }) => reply).join('')
      if (last && place === 'unread') break
      const enough = last && place === 'half an answer' ? before + 1 + rng.int(20) : expected.length
      await guest.until(() => guest.received.length >= enough, patienceMs)
    }
    if (place === 'silent') await linger(guest)
    await gate()
    if (place !== 'half-close') guest.leave(how)
    await guest.until(() => false, patienceMs)
    guest.socket.destroy()
    outcome.sessions++
    outcome.left[place] = (outcome.left[place] ?? 0) + 1
    const strangers = strangersIn(guest.received, id)
    if (strangers.length > 0) outcome.foreign.push(`${id} received bytes of ${strangers}`)
    if (clean && guest.received !== expected) outcome.wrong.push(`${id}: ${guest.received.slice(0, 200)}`)
  }

  const worker = async (): Promise<void> => {
    while (number < crowd.sessions) {
      await gate()
      await visit(identity(++number))
    }
  }
  const lulls = async (): Promise<void> => {
    for (let last = number; number < crowd.sessions; await turn()) {
      if (number - last < 150 || crowd.lull === undefined) continue
      last = number
      let open = (): void => {}
      closed = new Promise((resolve) => {
        open = resolve
      })
      await crowd.lull()
      closed = undefined
      open()
    }
  }
  await Promise.all([...Array.from({ length: crowd.atOnce }, worker), crowd.lull && lulls()])
  return outcome
}

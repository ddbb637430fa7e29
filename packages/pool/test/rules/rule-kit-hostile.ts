import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { random } from '../../../core/test/support/random.js'
import { identityIn, NOBODY } from '../foreign/identity.js'
import type { Wires } from '../foreign/wires.js'
import type { Protocol } from './rule-kit-protocols.js'

export interface HostileServer {
  readonly port: number
  readonly accepted: number
  /** What it did wrong, and how often. */
  readonly misdeeds: Readonly<Record<string, number>>
  /** On a part of the connections, sends what nobody has asked for; resolves with whether the relay has read it all. */
  stray(): () => boolean
}

interface House {
  readonly protocol: Protocol
  readonly rng: ReturnType<typeof random>
  /** Without it the server is an honest one. */
  readonly wires: Wires | undefined
  count(misdeed: string): void
}

/** Answers one connection; half of them are hostile, where `Wires` says that a rule can tell. It is gone when the test is. */
class ServedConnection {
  readonly socket: Socket
  readonly #house: House
  readonly #hostile: boolean
  #unread = ''
  #owed: string[] = []
  #answering = false
  #id = NOBODY
  /** Who had this connection before. */
  #before = NOBODY

  constructor(socket: Socket, house: House) {
    this.socket = socket
    this.#house = house
    this.#hostile = house.wires !== undefined && house.rng.int(2) === 0
    socket.on('error', () => {})
    socket.on('data', (chunk) => this.#onData(chunk.toString('latin1')))
    if (this.#hostile && house.rng.int(6) === 0)
      setTimeout(() => this.#close('idle'), house.rng.int(120)).unref()
  }

  stray(): boolean {
    const { protocol, rng, wires } = this.#house
    if (wires === undefined || this.socket.destroyed || this.#answering || this.#unread !== '') return false
    if (!wires.quiet(this.socket) || !wires.read(this.socket)) return false
    this.#misdeed('stray', protocol.stray(this.#someone(), rng))
    return true
  }

  /** Not the one who has the connection now, as often as it can be known. */
  #someone(): string {
    return this.#house.rng.pick([this.#id, this.#before])
  }

  #onData(text: string): void {
    const { protocol } = this.#house
    this.#unread += text
    for (let end = protocol.end(this.#unread); end >= 0; end = protocol.end(this.#unread)) {
      this.#owed.push(this.#unread.slice(0, end))
      this.#unread = this.#unread.slice(end)
    }
    if (!this.#answering) this.#answer()
  }

  #answer(): void {
    const { protocol, rng, wires } = this.#house
    const request = this.#owed.shift()
    this.#answering = request !== undefined
    if (this.socket.destroyed) return
    if (request === undefined) {
      // To half a request, of which there will be no other half.
      if (this.#unread !== '' && this.#hostile && rng.int(2) === 0 && wires?.finished(this.socket)) {
        this.#misdeed('early', protocol.stray(this.#someone(), rng))
      }
      return
    }
    const say = (): void => {
      if (this.socket.destroyed) return
      const answer = protocol.answer(request)
      const id = identityIn(request)
      if (id !== this.#id) this.#before = this.#id
      this.#id = id
      const last = this.#owed.length === 0 && this.#unread === '' && wires?.finished(this.socket)
      const mood = this.#hostile ? rng.int(last ? 12 : 40) : -1
      if (mood === 0) return this.#close('close', answer.slice(0, rng.int(answer.length)))
      if (last && mood === 1) this.#misdeed('duplicate', answer + answer)
      else if (last && mood === 2) this.#misdeed('surplus', answer + protocol.stray(this.#id, rng))
      else if (last && mood === 3)
        this.#misdeed('surplus of before', answer + protocol.stray(this.#before, rng))
      else if (last && mood === 4) this.#misdeed('one byte', `${answer}\n`)
      else this.socket.write(answer, 'latin1')
      this.#answer()
    }
    if (this.#hostile && rng.int(4) === 0) {
      this.#house.count('late')
      setTimeout(say, rng.int(4))
    } else say()
  }

  #misdeed(name: string, bytes: string): void {
    this.#house.count(name)
    this.socket.write(bytes, 'latin1')
  }

  #close(name: string, bytes = ''): void {
    if (this.socket.destroyed) return
    const { rng } = this.#house
    const how = rng.pick(['fin', 'reset', 'destroy'] as const)
    this.#house.count(`${name} by ${how}`)
    this.socket.write(bytes, 'latin1')
    if (how === 'fin') this.socket.end()
    else if (how === 'reset') this.socket.resetAndDestroy()
    else this.socket.destroy()
  }
}

export async function serve(
  protocol: Protocol,
  rng: ReturnType<typeof random>,
  wires?: Wires,
): Promise<HostileServer> {
  const connections = new Set<ServedConnection>()
  const misdeeds: Record<string, number> = {}
  const count = (misdeed: string): void => {
    misdeeds[misdeed] = (misdeeds[misdeed] ?? 0) + 1
  }
  let accepted = 0
  const server = createServer({ noDelay: true }, (socket) => {
    accepted++
    const connection = new ServedConnection(socket, { protocol, rng, wires, count })
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
    misdeeds,
    stray: () => {
      const strayed = [...connections].filter((connection) => rng.int(4) === 0 && connection.stray())
      return () => strayed.every(({ socket }) => socket.destroyed || wires?.read(socket))
    },
  }
}

import type { Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { random } from '../../../core/test/support/random.js'
import { reply, type Target } from './fake-commands.js'
import { type ConnectionState, freshState, leftovers } from './fake-state.js'
import { identityIn, NOBODY, strangersIn } from './identity.js'
import { bulk, RequestReader } from './resp.js'
import { reset } from './visitor.js'
import type { Wires } from './wires.js'

/** What the connections of one fake server share. */
export interface FakeHouse {
  readonly rng: ReturnType<typeof random>
  readonly wires: Wires
  readonly data: Map<string, string>
  /** Who waits for an element of a list, or for a message on a channel. */
  readonly waiting: Map<string, FakeConnection>
  complain(complaint: string): void
  /** A misdeed was done. */
  count(misdeed: string): void
}

/** One connection of the fake server: keeps the state that a real one keeps, and misbehaves by seed. */
export class FakeConnection implements Target {
  readonly socket: Socket
  id: string = NOBODY
  state: ConnectionState = freshState()
  readonly #house: FakeHouse
  readonly #hostile: boolean
  readonly #reader = new RequestReader()
  #answers: string[] = []
  #answering = false
  #blocked = false
  #rest = ''
  /** Requests that have come and are not yet looked at. */
  #toCome = 0

  constructor(socket: Socket, house: FakeHouse) {
    this.socket = socket
    this.#house = house
    this.#hostile = house.rng.int(2) === 0
    socket.on('error', () => {})
    socket.on('data', (chunk) => this.#onData(chunk.toString('latin1')))
    if (this.#hostile && house.rng.int(6) === 0)
      setTimeout(() => this.#close('idle'), house.rng.int(120)).unref()
  }

  get data(): Map<string, string> {
    return this.#house.data
  }

  /** Sends something that nobody has asked for, when it can be told from an answer; returns whether it did. */
  stray(): boolean {
    const { rng, wires } = this.#house
    // What comes while an answer is owed passes for that answer; the true one is then the unasked one, whenever it comes.
    if (this.socket.destroyed || this.#answering || this.#blocked) return false
    if (!wires.quiet(this.socket) || !wires.read(this.socket)) return false
    const push = `>3\r\n${bulk('message')}${bulk('late')}${bulk(this.id)}`
    const whole = rng.pick([bulk(this.id), push, `+OK ${this.id}\r\n`])
    this.#misdeed('stray', rng.int(6) === 0 ? `$8000\r\n${this.id}` : whole)
    return true
  }

  /** What another connection's command brings about here. */
  hand(text: string): void {
    this.#blocked = false
    if (!this.socket.destroyed) this.#answer(text)
  }

  #onData(text: string): void {
    this.#write(this.#rest)
    this.#rest = ''
    let requests: string[][] = []
    try {
      requests = this.#reader.push(text)
    } catch (error) {
      this.#house.complain(`requests of two sessions run together after ${this.id}: ${String(error)}`)
      this.socket.destroy()
    }
    for (const [index, parts] of requests.entries()) {
      this.#toCome = requests.length - index - 1
      this.#take(parts)
    }
  }

  #take(parts: readonly string[]): void {
    const { complain, waiting } = this.#house
    const [command = '', key = '', value = ''] = parts
    if (command === 'ECHO' && !key.startsWith(this.id)) this.#begin(identityIn(key))
    else if (!['RPUSH', 'DEL', 'PUBLISH'].includes(command)) {
      const strangers = strangersIn(parts.join(' '), this.id)
      if (strangers.length > 0) complain(`a request of ${strangers} in the session of ${this.id}`)
    }
    if (command === 'BLPOP') {
      this.#blocked = true
      waiting.set(key, this)
    } else if (command === 'RPUSH' || command === 'PUBLISH') {
      waiting.get(key)?.hand(`*2\r\n${bulk(key)}${bulk(value)}`)
      waiting.delete(key)
      this.#answer(`+pushed by ${this.id}\r\n`)
    } else {
      this.#answer(reply(this, parts))
      if (command === 'SUBSCRIBE') waiting.set(key, this)
    }
  }

  #begin(id: string): void {
    const { complain } = this.#house
    const old = leftovers(this.state)
    if (old !== undefined) complain(`${id} found ${old} of ${this.id}`)
    if (this.#answers.length > 0) complain(`${id} came before ${this.id} had its answers`)
    this.id = id
  }

  #answer(text: string): void {
    this.#answers.push(text)
    if (this.#answering) return
    if (this.#hostile) void this.#answerAll()
    else this.#write(this.#answers.pop() as string)
  }

  async #answerAll(): Promise<void> {
    this.#answering = true
    for (let text = this.#answers[0]; text !== undefined; text = this.#answers[0]) {
      await this.#answerOne(text)
      this.#answers.shift()
      if (this.socket.destroyed) return
    }
    this.#answering = false
  }

  async #answerOne(text: string): Promise<void> {
    const { rng } = this.#house
    const mood = rng.int(100)
    if (mood < 3) this.#close('before its answer')
    else if (mood < 6) {
      this.#write(text.slice(0, 1 + rng.int(text.length - 1)))
      this.#close('in the middle of an answer')
    } else if (mood < 12) {
      this.#house.count('late')
      await sleep(rng.pick([1, 3, 10, 40]))
      this.#write(text)
    } else if (mood < 24) await this.#inPieces(text, rng.int(2) === 0)
    else if (mood < 30) this.#last(text)
    else this.#write(text)
    if (mood >= 97) this.#close('after an answer')
  }

  /** At most a few dozen pieces, a turn of the loop between any two. */
  async #inPieces(text: string, more: boolean): Promise<void> {
    this.#house.count('pieces')
    const { rng } = this.#house
    const most = Math.max(1, text.length >> 5)
    let at = 0
    while (text.length - at > most) {
      const size = 1 + rng.int(most)
      this.#write(text.slice(at, at + size))
      at += size
      await turn()
    }
    if (more) this.#last(text.slice(at), text)
    else this.#write(text.slice(at))
  }

  /** The end of an answer, and in one write with it something that answers nothing, if it can be told to be so. */
  #last(text: string, whole = text): void {
    const { rng, wires } = this.#house
    const surplus =
      this.#answers.length + this.#toCome === 1 &&
      this.state.subscriptions === 0 &&
      wires.finished(this.socket)
    if (!surplus) return this.#write(text)
    const extra = rng.pick([
      whole,
      `>2\r\n${bulk('invalidate')}${bulk(this.id)}`,
      `-ERR and ${this.id}\r\n`,
      '\r\n',
    ])
    this.#misdeed(
      'surplus',
      text + (rng.int(3) === 0 ? extra.slice(0, 1 + rng.int(extra.length - 1)) : extra),
    )
  }

  /** Nobody may come to use this connection after it; whoever does is told the rest. */
  #misdeed(kind: string, text: string): void {
    this.#house.count(kind)
    this.#write(text)
    this.#rest = `+more for ${this.id}\r\n`
  }

  #write(text: string): void {
    if (!this.socket.destroyed && !this.socket.writableEnded) this.socket.write(text, 'latin1')
  }

  #close(when: string): void {
    if (this.socket.destroyed) return
    this.#house.count(`closed ${when}`)
    const how = this.#house.rng.int(3)
    if (how === 0) reset(this.socket)
    else if (how === 1) this.socket.destroy()
    else this.socket.end()
  }
}

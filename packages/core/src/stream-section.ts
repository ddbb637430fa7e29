import type { Duplex } from 'node:stream'
import { contain } from './contain.js'
import { bytesOf, type Outlet, type Section, type SectionHost } from './section.js'
import { callStage } from './stage-calls.js'

const used = new WeakSet<Duplex>()

/**
 * A step that is a stream: a `Transform`, or any `Duplex`. It belongs to the section, which destroys it.
 *
 * It gets a chunk when it is done with the one before. So whatever it throws at a chunk is thrown here: Node would call it from
 * anywhere with a chunk that had to wait, and take the process down.
 */
export class StreamSection implements Section {
  readonly #stream: Duplex
  readonly #outlet: Outlet
  readonly #host: SectionHost
  readonly #waiting: Buffer[] = []
  #busy = false
  #ending = false
  #over = false
  #destroyed = false
  #blocked = false

  constructor(stream: Duplex, outlet: Outlet, host: SectionHost) {
    this.#stream = stream
    this.#outlet = outlet
    this.#host = host
    // Bytes of one session in another, if it were shared.
    if (used.has(stream) || stream.destroyed || stream.readableEnded || stream.writableEnded) {
      stream.on('error', () => {})
      throw new Error('its stream has been used before')
    }
    used.add(stream)
    stream
      .on('data', (chunk: unknown) => this.#guard(() => this.#onData(chunk)))
      .on('end', () => this.#onEnd())
      .on('error', (error) => this.#destroyed || host.onFailure(error))
      .on('close', () => this.#over || host.onFailure(new Error('its stream was closed before its end')))
  }

  get stuck(): boolean {
    return (this.#busy || this.#ending) && !this.#over && !this.#blocked
  }

  write(chunk: Buffer): boolean {
    if (this.#over || this.#ending) return false
    if (this.#busy) this.#waiting.push(chunk)
    else this.#guard(() => this.#start(chunk))
    return !this.#busy && !this.#over
  }

  end(): void {
    if (this.#over || this.#ending) return
    this.#ending = true
    if (!this.#busy) this.#guard(() => this.#stream.end())
  }

  resume(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#guard(() => this.#stream.resume())
  }

  destroy(): void {
    this.#over = true
    this.#destroyed = true
    // What it returns counts, too: an override may be asynchronous.
    contain(() => callStage(this.#host.caller, destroyStream, this.#stream, undefined))
  }

  #start(chunk: Buffer): void {
    this.#stream.write(chunk, (error) => error || (this.#busy && this.#onWritten()))
    this.#busy = this.#stream.writableLength > 0
  }

  #onWritten(): void {
    this.#busy = false
    if (this.#over) return
    this.#guard(() => {
      for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) {
        this.#start(chunk)
        if (this.#busy) return
      }
      if (this.#ending) this.#stream.end()
      else this.#host.onRoom()
    })
  }

  #onData(chunk: unknown): void {
    if (this.#over || this.#outlet.write(bytesOf(chunk))) return
    this.#blocked = true
    this.#stream.pause()
  }

  #onEnd(): void {
    if (this.#over) return
    this.#over = true
    this.#outlet.end()
    if (!this.#ending) this.#host.onStop()
  }

  #guard(call: () => void): void {
    try {
      callStage(this.#host.caller, call, undefined, undefined)
    } catch (error) {
      this.#over = true
      this.#host.onFailure(error)
    }
  }
}

function destroyStream(stream: Duplex): unknown {
  return stream.destroy()
}

import type { Duplex } from 'node:stream'
import { bytesOf, type Outlet, type Section, type SectionHost } from './section.js'

/** A step that is a stream: a `Transform`, or any `Duplex`. It belongs to the section, which destroys it. */
export class StreamSection implements Section {
  readonly #stream: Duplex
  readonly #outlet: Outlet
  readonly #host: SectionHost
  #ending = false
  #over = false
  #destroyed = false
  #blocked = false

  constructor(stream: Duplex, outlet: Outlet, host: SectionHost) {
    this.#stream = stream
    this.#outlet = outlet
    this.#host = host
    stream
      .on('data', (chunk: unknown) => this.#onData(chunk))
      .on('end', () => this.#onEnd())
      .on('drain', () => this.#over || this.#ending || host.onRoom())
      .on('error', (error) => this.#destroyed || host.onFailure(error))
      .on('close', () => this.#over || host.onFailure(new Error('its stream was closed before its end')))
    if (stream.destroyed || stream.readableEnded || stream.writableEnded) {
      host.onFailure(new Error('its stream has been used before'))
    }
  }

  get stuck(): boolean {
    return this.#ending && !this.#over && !this.#blocked
  }

  write(chunk: Buffer): boolean {
    return !this.#over && this.#stream.write(chunk)
  }

  end(): void {
    if (this.#over) return
    this.#ending = true
    this.#stream.end()
  }

  resume(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#stream.resume()
  }

  destroy(): void {
    this.#over = true
    this.#destroyed = true
    this.#stream.destroy()
  }

  #onData(chunk: unknown): void {
    if (this.#over) return
    try {
      if (this.#outlet.write(bytesOf(chunk))) return
      this.#blocked = true
      this.#stream.pause()
    } catch (error) {
      this.#host.onFailure(error)
    }
  }

  #onEnd(): void {
    if (this.#over) return
    this.#over = true
    this.#outlet.end()
    if (!this.#ending) this.#host.onStop()
  }
}

import type { Readable } from 'node:stream'

/** The lines of a stream: those that came, and a promise of one to come. */
export class Lines {
  readonly all: string[] = []
  #rest = ''
  #ended = false
  readonly #waiting = new Set<() => void>()

  /** Reads until the stream ends. */
  static of(stream: Readable): Lines {
    const lines = new Lines()
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => lines.add(text))
    stream.on('close', () => lines.end())
    return lines
  }

  add(text: string): void {
    const parts = (this.#rest + text).split('\n')
    this.#rest = parts.pop() ?? ''
    this.all.push(...parts)
    for (const wake of this.#waiting) wake()
  }

  end(): void {
    this.#ended = true
    for (const wake of this.#waiting) wake()
  }

  /** The first line, come or to come, with `text` in it. */
  with(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.all.find((line) => line.includes(text))
        if (found === undefined && !this.#ended) return
        this.#waiting.delete(look)
        if (found !== undefined) resolve(found)
        else reject(new Error(`ended without "${text}":\n${this.all.join('\n')}`))
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** The fields of the first JSON line with this `msg`. */
  async message(msg: string): Promise<Record<string, unknown>> {
    return JSON.parse(await this.with(`"msg":"${msg}"`))
  }
}

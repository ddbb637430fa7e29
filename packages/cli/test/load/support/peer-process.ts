import { fileURLToPath } from 'node:url'
import { Child } from '../../real/support/child.js'

type Told = Readonly<Record<string, unknown>>

/** One end of many sessions, or a relay that watches itself, in a process of its own: neither can hide what the other costs. */
export class PeerProcess {
  readonly #child: Child

  /**
   * @param under - A command that runs it.
   * @param script - A file beside this one; told.mjs says how it talks.
   */
  constructor(under: readonly string[], script: string, ...args: readonly (string | number)[]) {
    const path = fileURLToPath(new URL(script, import.meta.url))
    const [command = '', ...rest] = [...under, process.execPath, path, ...args.map(String)]
    this.#child = new Child(command, rest, { openInput: true })
  }

  /** The first line that says `key`, said or to be said. */
  async says(key: string): Promise<Told> {
    let found: Told | undefined
    await this.#child.printed(({ stdout }) => {
      const lines = stdout.toString().split('\n').slice(0, -1)
      found = lines.map((line) => JSON.parse(line) as Told).find((told) => key in told)
      return found !== undefined
    })
    return found as Told
  }

  /** The number that the first line with `key` gives it. */
  async number(key: string): Promise<number> {
    return Number((await this.says(key))[key])
  }

  async tell(word: string): Promise<void> {
    await this.#child.write(`${word}\n`)
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { painted } from '../../../cli/test/support/painted.js'

const BIN = fileURLToPath(new URL('../../../cli/bin/relay.js', import.meta.url))

// Both ends of every session are gone when it is told to stop.
const PATIENCE_MS = 15_000

/** What the command logs at the end of a session. */
export interface SessionLine {
  readonly id: string
  readonly client: string
  readonly reason: string
}

/** `relay forward` in a process of its own: what users run, with memory that only its sessions share. */
export class RelayCommand {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #listening: Promise<string>
  #stderr = ''
  #stopping = false
  #killed = false

  constructor(
    args: readonly string[],
    options: { readonly ca?: string | undefined; readonly onSession: (line: SessionLine) => void },
  ) {
    const env = { ...process.env, ...(options.ca && { NODE_EXTRA_CA_CERTS: options.ca }) }
    const command = [...painted, BIN, 'forward', ...args, '--json', '--access-log', '-']
    const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const read = createInterface({ input: child.stdout }).on('line', (line) =>
      options.onSession(JSON.parse(line)),
    )
    this.#exited = Promise.all([once(child, 'close'), once(read, 'close')])
    this.#listening = new Promise((resolve, reject) => {
      child.stderr.on('data', (text: Buffer) => {
        this.#stderr += text
        const listen = /"listen":"([^"]+)"/.exec(this.#stderr)?.[1]
        if (listen !== undefined) resolve(listen)
      })
      void once(child, 'exit').then(() => this.#stopping || reject(new Error(this.#died())))
    })
    this.#listening.catch(() => {})
  }

  /** Where it listens, as it says. **Fails** when it ends before. */
  listening(): Promise<string> {
    return this.#listening
  }

  /**
   * Stops it; every session has its line then, unless it is not over long after its client is: that relay is killed. **Fails** when it
   * did not end well, or has ended before.
   */
  async stop(): Promise<void> {
    const alive = this.#child.exitCode === null && this.#child.signalCode === null
    this.#stopping = true
    this.#child.kill('SIGTERM')
    const patience = setTimeout(() => this.kill(), PATIENCE_MS)
    await this.#exited
    clearTimeout(patience)
    if (!alive || (this.#child.exitCode !== 0 && !this.#killed)) throw new Error(this.#died())
  }

  /** Ends it whatever it does. */
  kill(): void {
    this.#killed = true
    this.#child.kill('SIGKILL')
  }

  #died(): string {
    const { exitCode, signalCode } = this.#child
    return `the relay ended with ${exitCode ?? signalCode}: ${this.#stderr.slice(-2_000)}`
  }
}

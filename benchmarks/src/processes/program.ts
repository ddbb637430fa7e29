import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanUp } from './clean-up.js'

const STOP_MS = 5_000

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
}

/** The path of a program; `undefined` when this machine has none of that name. */
export function findProgram(name: string): string | undefined {
  if (isAbsolute(name)) return existsSync(name) ? name : undefined
  // Debian keeps servers out of a user's PATH.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** A program that was started here, and does not outlive this process. */
export class Program {
  /** What it printed on both outputs. */
  output = ''
  /** Resolves with its exit code when it has ended. */
  readonly exited: Promise<number>
  readonly #process: ChildProcess
  readonly #stopNow: () => void
  #running = true

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    // A group of its own: socat has a process for each session, and they end with it.
    this.#process = spawn(findProgram(command) ?? command, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    })
    this.#stopNow = cleanUp(() => this.#signal('SIGKILL'))
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
    this.exited = new Promise((resolve) => {
      this.#process.on('error', (error) => {
        this.output += error.message
        this.#running = false
        resolve(127)
      })
      this.#process.on('close', (code) => {
        this.#running = false
        resolve(code ?? 128)
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  get running(): boolean {
    return this.#running
  }

  /** Resolves with what it printed when it has ended by itself. **Fails** when it ends with another code than 0. */
  async ended(): Promise<string> {
    const code = await this.exited
    this.#stopNow()
    if (code === 0) return this.output
    throw new Error(`${this.#name} ended with ${code}: ${lastWords(this.output)}`)
  }

  get #name(): string {
    return this.#process.spawnargs.slice(0, 3).join(' ')
  }

  /** Resolves when it has printed `text`. **Fails** when it ends first, or takes longer than `timeoutMs`. */
  async printed(text: string, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!this.output.includes(text)) {
      if (!this.#running || performance.now() > deadline) {
        throw new Error(`${this.#name} did not print '${text}': ${lastWords(this.output)}`)
      }
      await sleep(5)
    }
  }

  /** Ends it, with all processes of its own. */
  async stop(): Promise<void> {
    const force = setTimeout(() => this.#signal('SIGKILL'), STOP_MS)
    this.#signal('SIGTERM')
    await this.exited
    clearTimeout(force)
    // What it left behind in its group.
    this.#stopNow()
  }

  #signal(name: NodeJS.Signals): void {
    try {
      if (this.#process.pid !== undefined) process.kill(-this.#process.pid, name)
    } catch {
      // It is gone already.
    }
  }
}

/** Runs a program to its end and resolves with what it printed. */
export function runProgram(
  command: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<string> {
  return new Program(command, args, options).ended()
}

function lastWords(output: string): string {
  return output.trim().split('\n').slice(-3).join(' / ').slice(-300)
}

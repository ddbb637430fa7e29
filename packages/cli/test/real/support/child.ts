import { type ChildProcess, spawn } from 'node:child_process'
import { cleanUp } from './clean-up.js'

export interface ChildOptions {
  /** All of its standard input; nothing by default. */
  readonly input?: string | Buffer
  /** Keeps standard input open, for {@link Child.write}. */
  readonly openInput?: boolean
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** What ends it kindly. */
  readonly stopSignal?: NodeJS.Signals
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const STOP_MS = 5_000

const running = new Set<ChildProcess>()
// When even the clean-up could not run, no child outlives this process.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A process that a test started; it is gone when the test is over. */
export class Child {
  readonly pid: number
  /** Resolves when the process is gone and everything it printed was read. */
  readonly exit: Promise<Exit>
  readonly #command: string
  readonly #process: ChildProcess
  readonly #stopSignal: NodeJS.Signals
  readonly #stdout: Buffer[] = []
  #stderr = ''
  #exited: Exit | undefined
  readonly #onOutput = new Set<() => void>()

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    const { input, openInput = false, env, cwd, user, stopSignal = 'SIGTERM' } = options
    this.#command = [command, ...args].join(' ')
    this.#stopSignal = stopSignal
    const child = spawn(command, args, {
      ...user,
      cwd,
      env: { ...process.env, LC_ALL: 'C', ...env },
      stdio: [input === undefined && !openInput ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    if (child.pid === undefined) throw new Error(`could not start ${this.#command}`)
    this.pid = child.pid
    this.#process = child
    running.add(child)
    const { stdin, stdout, stderr } = child
    // Whoever ends without reading all of its input is judged by its exit code.
    stdin?.on('error', () => {})
    if (input !== undefined) stdin?.end(input)
    stdout?.on('data', (chunk: Buffer) => this.#print(() => this.#stdout.push(chunk)))
    stderr?.setEncoding('utf8').on('data', (text: string) => this.#print(() => (this.#stderr += text)))
    this.exit = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', () => running.delete(child))
      child.on('close', (code, signal) => {
        this.#exited = { code, signal }
        resolve(this.#exited)
        this.#print(() => {})
      })
    })
    this.exit.catch(() => {})
    cleanUp(() => this.stop().then(() => {}))
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout)
  }

  get stderr(): string {
    return this.#stderr
  }

  async write(text: string): Promise<void> {
    await new Promise((resolve) => this.#process.stdin?.write(text, resolve))
  }

  /** Resolves when what it printed satisfies the question; fails when it exits before. */
  printed(question: (child: this) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (question(this)) resolve()
        else if (this.#exited !== undefined) reject(this.failure('ended too early'))
        else return
        this.#onOutput.delete(look)
      }
      this.#onOutput.add(look)
      look()
    })
  }

  /** Whether it is gone, and how it went. */
  get exited(): Exit | undefined {
    return this.#exited
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Ends it kindly, then not so. */
  async stop(): Promise<Exit> {
    if (this.#exited !== undefined) return this.#exited
    this.#process.kill(this.#stopSignal)
    const force = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS)
    return this.exit.finally(() => clearTimeout(force))
  }

  failure(what: string): Error {
    const exit = this.#exited && `, exit ${this.#exited.code ?? this.#exited.signal}`
    const output = `${this.stdout.toString('latin1').slice(-2_000)}${this.stderr.slice(-2_000)}`
    return new Error(`${this.#command}: ${what}${exit ?? ''}\n${output}`)
  }

  #print(keep: () => void): void {
    keep()
    for (const look of this.#onOutput) look()
  }
}

/** Runs a program to its end, and fails unless that is exit code 0. */
export async function run(command: string, args: readonly string[], options?: ChildOptions): Promise<Child> {
  const child = new Child(command, args, options)
  const { code } = await child.exit
  if (code !== 0) throw child.failure('failed')
  return child
}

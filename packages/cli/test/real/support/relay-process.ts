import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { painted } from '../../support/painted.js'
import { Child } from './child.js'

const RELAY = fileURLToPath(new URL('../../../bin/relay.js', import.meta.url))

export interface RelayProcessOptions {
  readonly flags?: readonly string[]
  /** Where it listens; by default on a free port. */
  readonly listen?: string
  /** A command that runs it, such as `prlimit` with its arguments. */
  readonly under?: readonly string[]
}

/** What `relay forward` logs at the end of a session. */
export interface SessionLine {
  readonly id: string
  readonly reason: string
  readonly up: number
  readonly down: number
}

/** What `relay forward` logs at its own end. */
export interface Totals {
  readonly accepted: number
  readonly rejected: number
  readonly closed: Readonly<Record<string, number>>
  readonly up: number
  readonly down: number
}

/** A running `relay forward`, and what it logged. */
export class RelayProcess {
  /** The sessions that have ended. */
  readonly sessions: SessionLine[] = []
  /** Where it listens, as it says. */
  readonly listen: string
  readonly #child: Child
  readonly #baseline: number
  readonly #complaints: string[] = []
  #readTo = 0
  #totals: Totals | undefined

  constructor(child: Child) {
    this.#child = child
    this.listen = this.#readLog()
    this.#baseline = this.openDescriptors()
  }

  get pid(): number {
    return this.#child.pid
  }

  /** The port in {@link RelayProcess.listen}. */
  get port(): number {
    return Number(/:(\d+)$/.exec(this.listen)?.[1])
  }

  /** What it logged at its end, once it has stopped. */
  get totals(): Totals | undefined {
    return this.#totals
  }

  /** Resolves when that many sessions have ended. */
  async ended(count: number): Promise<readonly SessionLine[]> {
    await this.#child.printed(() => {
      this.#readLog()
      return this.sessions.length >= count
    })
    return this.sessions
  }

  /** Descriptors that the process has open. Linux alone tells; elsewhere 0. */
  openDescriptors(): number {
    const folder = `/proc/${this.pid}/fd`
    return existsSync('/proc/self/fd') ? readdirSync(folder).length : 0
  }

  /** Resident memory now, and the most there was. Linux alone tells; elsewhere 0. */
  residentBytes(): { readonly now: number; readonly peak: number } {
    if (!existsSync('/proc/self/status')) return { now: 0, peak: 0 }
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1')
    const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
    return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 }
  }

  /** Resolves when its descriptors are as they were before the first session; fails when that does not come about. */
  async expectBaseline(timeout = 5_000): Promise<void> {
    await expect.poll(() => this.openDescriptors(), { timeout }).toBe(this.#baseline)
  }

  /** Ends it with SIGTERM, and resolves with its exit code. */
  async stop(): Promise<number | null> {
    const { code } = await this.#child.stop()
    this.#readLog()
    return code
  }

  /** The end of a test: nothing is open, it stops cleanly, its totals agree, and it logged nothing unexpected. */
  async expectCleanEnd(): Promise<void> {
    await this.expectBaseline()
    expect(await this.stop()).toBe(0)
    const sum = (side: 'up' | 'down'): number => this.sessions.reduce((bytes, line) => bytes + line[side], 0)
    const rejected = this.sessions.filter(({ reason }) => reason === 'rejected').length
    const expected = { accepted: this.sessions.length, rejected, up: sum('up'), down: sum('down') }
    expect(this.#totals).toMatchObject(expected)
    expect(this.#complaints).toEqual([])
    expect(this.#child.stdout.toString()).toBe('')
  }

  // Sorts what was logged since the last time; the address it listens on comes first.
  #readLog(): string {
    let listen = ''
    const { stderr } = this.#child
    const end = stderr.lastIndexOf('\n') + 1
    for (const line of stderr.slice(this.#readTo, end).split('\n')) {
      if (line === '') continue
      const entry: Record<string, unknown> = line.startsWith('{') ? JSON.parse(line) : {}
      if (entry.msg === 'listening') listen = String(entry.listen)
      else if (entry.msg === 'session closed') this.sessions.push(entry as unknown as SessionLine)
      else if (entry.msg === 'stopped') this.#totals = entry as unknown as Totals
      else this.#complaints.push(line)
    }
    this.#readTo = end
    return listen
  }
}

/** Runs `relay forward` in a process of its own, and resolves when it listens. */
export async function startRelay(upstream: string, options: RelayProcessOptions = {}): Promise<RelayProcess> {
  const { flags = [], listen = '127.0.0.1:0', under = [] } = options
  // What is measured or limited runs as people run it.
  const node = under.length > 0 ? [process.execPath] : [process.execPath, ...painted]
  const [command = '', ...args] = [...under, ...node, RELAY, 'forward', listen, upstream, ...flags]
  const child = new Child(command, args)
  await child.printed(({ stderr }) => stderr.includes('"listening"'))
  return new RelayProcess(child)
}

/** A client can be gone, and the next one there, before the session of the first has ended. */
export function inOrderOfStart(sessions: readonly SessionLine[]): readonly SessionLine[] {
  const number = ({ id }: SessionLine): number => Number(id.split('-').at(-1))
  return sessions.toSorted((one, other) => number(one) - number(other))
}

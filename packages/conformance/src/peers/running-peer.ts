import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, formatAddress, type Transport } from '../address.js'
import type { CertificateFiles } from '../arguments.js'
import { makeCertificate } from './certificate.js'
import type { Dimension } from './dimension.js'
import type { PeerProgram } from './peer-program.js'

const READY_MS = 10_000
const STOP_MS = 5_000

// Below the ports that Linux gives to clients: none of them takes one of these between our look and the relay's.
const FIRST_PORT = 20_000
const PORTS = 12_000

const running = new Set<ChildProcess>()
// Whatever ends this process, the relays it started do not outlive it.
process.on('exit', () => {
  for (const child of running) signal(child, 'SIGKILL')
})

/** A relay that was started between two free addresses of this machine. */
export class RunningPeer {
  readonly listen: Address
  readonly upstream: Address
  /** Of an upstream of TLS. */
  readonly certificateFiles: CertificateFiles | undefined
  /** What it printed. */
  output = ''
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #exited: Promise<void>
  #running = true

  constructor(command: string, program: PeerProgram, dimension: Dimension, ports: readonly [number, number]) {
    const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
    this.#folder = folder
    this.listen = addressOf(dimension.client, ports[0], join(folder, 'listen.sock'))
    this.upstream = addressOf(dimension.server, ports[1], join(folder, 'upstream.sock'))
    this.certificateFiles = dimension.server === 'tls' ? makeCertificate(folder) : undefined
    const {
      args,
      files = {},
      env = {},
    } = program.start({
      listen: this.listen,
      upstream: this.upstream,
      halfClose: dimension.halfClose,
      folder,
      certificateFile: this.certificateFiles?.cert ?? '',
    })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    // A group of its own: socat has a process for each session, and they end with it.
    this.#process = spawn(command, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    running.add(this.#process)
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString()
      })
    }
    this.#exited = new Promise((resolve) => {
      this.#process
        .on('error', () => {})
        .on('close', () => {
          this.#running = false
          resolve()
        })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Resolves when it accepts. */
  async ready(): Promise<void> {
    const deadline = performance.now() + READY_MS
    while (!(await accepts(this.listen))) {
      if (!this.#running || performance.now() > deadline) {
        throw new Error(`a peer does not listen on ${formatAddress(this.listen)}: ${this.output.slice(-500)}`)
      }
      await sleep(20)
    }
  }

  /** Ends it, with all processes of its own. */
  async stop(): Promise<void> {
    const force = setTimeout(() => signal(this.#process, 'SIGKILL'), STOP_MS)
    signal(this.#process, 'SIGTERM')
    await this.#exited
    clearTimeout(force)
    running.delete(this.#process)
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Starts a relay; `undefined` when its program is not on this machine. */
export async function startPeer(
  program: PeerProgram,
  dimension: Dimension,
): Promise<RunningPeer | undefined> {
  const command = findProgram(program.command)
  if (command === undefined) return undefined
  const peer = new RunningPeer(command, program, dimension, [await freePort(), await freePort()])
  try {
    await peer.ready()
    return peer
  } catch (error) {
    await peer.stop()
    throw error
  }
}

/** What the program says of its version; Node's for ours. */
export function versionOf({ command, version }: PeerProgram): string {
  if (version === undefined) return `Node ${process.versions.node}`
  const { output } = spawnSync(findProgram(command) ?? command, version.args, { encoding: 'utf8' })
  return version.pattern.exec((output ?? []).join(''))?.[1] ?? 'unknown'
}

// Debian keeps servers out of a user's PATH.
function findProgram(name: string): string | undefined {
  if (isAbsolute(name)) return name
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, name)
  } catch {
    // It is gone already.
  }
}

function addressOf(transport: Transport, port: number, path: string): Address {
  return transport === 'unix' ? { transport, path } : { transport, host: '127.0.0.1', port }
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

function accepts(address: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

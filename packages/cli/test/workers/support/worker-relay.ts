import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { portOf, type RelayProcess, spawnRelay } from '../../support/spawn-relay.js'

export interface WorkerRelay extends RelayProcess {
  readonly port: number
}

/** An echo, and a relay of two workers before it. */
export async function workerRelay(...options: readonly string[]): Promise<WorkerRelay> {
  const echo = spawnRelay('echo', '0')
  const upstream = portOf((await echo.err.message('listening')).listen)
  return listeningRelay('forward', '0', `${upstream}`, '--workers', '2', ...options)
}

/** As `spawnRelay`; when the test is over its workers end as well, which is looked at. */
export async function listeningRelay(...args: readonly string[]): Promise<WorkerRelay> {
  const relay = spawnRelay(...args)
  onTestFinished(async () => {
    const pids = [...workersOf(relay).values()]
    relay.child.kill('SIGKILL')
    await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([])
  })
  return { ...relay, port: portOf((await relay.err.message('listening')).listen) }
}

/** The processes of its workers that are alive, by their place: 1 and 2. */
export function workersOf({ child }: RelayProcess): Map<number, number> {
  const pids = ofProcess(`${child.pid}/task/${child.pid}/children`).split(' ').filter(Boolean).map(Number)
  return new Map(
    pids.flatMap((pid) => {
      const index = /"index":(\d+)/.exec(ofProcess(`${pid}/cmdline`))?.[1]
      return index === undefined ? [] : [[Number(index), pid] as const]
    }),
  )
}

export function isAlive(pid: number): boolean {
  return /^State:\s+[^Z]/m.test(ofProcess(`${pid}/status`))
}

// Of one that is gone, nothing: it may go at any time.
function ofProcess(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1')
  } catch {
    return ''
  }
}

/** A client of this very worker: no other one can accept it. */
export async function clientOf(relay: WorkerRelay, worker: number): Promise<Socket> {
  const others = [...workersOf(relay)].flatMap(([index, pid]) => (index === worker ? [] : [pid]))
  for (const pid of others) process.kill(pid, 'SIGSTOP')
  try {
    return await liveClient(relay.port)
  } finally {
    for (const pid of others) process.kill(pid, 'SIGCONT')
  }
}

/** A client whose session has begun. */
export async function liveClient(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await echoes(socket)
  return socket
}

/** Sends a byte, and waits for its echo; fails when the connection ends before. */
export async function echoes(client: Socket): Promise<void> {
  client.write('x')
  await new Promise<void>((resolve, reject) => {
    client.once('data', () => resolve())
    client.once('close', () => reject(new Error('closed')))
  })
}

/** Resolves when the client's connection is gone. */
export async function closed(client: Socket): Promise<void> {
  if (!client.destroyed) await once(client, 'close')
}

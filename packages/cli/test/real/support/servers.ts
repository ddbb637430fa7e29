import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Child, type ChildOptions } from './child.js'
import { cleanUp } from './clean-up.js'

const READY_MS = 20_000

// Below the ports that the kernel gives to clients (from 32768 on Linux): a thousand of them come and go beside these tests.
const FIRST_PORT = 20_000
const PORTS = 12_000

const directories = new Set<string>()
// An aborted run does no clean-up. Its children are killed by then: child.js was here first.
process.on('exit', () => directories.forEach(remove))

/** A directory of its own, gone with the test. */
export function temporaryDirectory(
  user?: { readonly uid: number; readonly gid: number } | undefined,
): string {
  const path = mkdtempSync(join(tmpdir(), 'relay-'))
  directories.add(path)
  cleanUp(() => remove(path))
  if (user !== undefined) chownSync(path, user.uid, user.gid)
  return path
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  directories.delete(path)
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
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

/** Starts a server, and resolves when it accepts connections on the port. */
export async function startServer(
  port: number,
  command: string,
  args: readonly string[],
  options?: ChildOptions,
): Promise<Child> {
  const server = new Child(command, args, options)
  const deadline = performance.now() + READY_MS
  while (!(await accepts(port))) {
    if (server.exited !== undefined) throw server.failure('ended at its start')
    if (performance.now() > deadline) throw server.failure(`does not listen on ${port}`)
    await sleep(20)
  }
  return server
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

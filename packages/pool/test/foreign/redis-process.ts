import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

const installed = spawnSync('redis-server', ['--version']).status === 0

/** Where there is no redis-server a test may be skipped, but not where all are meant to run. */
export const withoutRedis: boolean = !installed && process.env.CI !== 'true'

/** A real redis-server on a port of its own; it is gone when the test is. */
export class RedisProcess {
  readonly port: number
  readonly #directory: string
  #process: ChildProcess | undefined

  private constructor(port: number) {
    this.port = port
    this.#directory = mkdtempSync(join(tmpdir(), 'relay-redis-'))
  }

  static async start(): Promise<RedisProcess> {
    if (!installed) throw new Error('redis-server is not installed')
    const redis = new RedisProcess(await freePort())
    onTestFinished(async () => {
      await redis.kill()
      rmSync(redis.#directory, { recursive: true, force: true })
    })
    await redis.start()
    return redis
  }

  /** Resolves when it accepts connections. Besides the default user it has `worker`, whose password is `secret`. */
  async start(): Promise<void> {
    const options = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--dir', this.#directory]
    const user = ['--user', 'worker', 'on', '>secret', '~*', '&*', '+@all']
    const started = spawn('redis-server', ['--port', String(this.port), ...options, ...user], {
      stdio: 'ignore',
    })
    this.#process = started
    while (!(await accepts(this.port))) {
      if (started.exitCode !== null) throw new Error(`redis-server exited with ${started.exitCode}`)
      await sleep(20)
    }
  }

  /** Kills it with all its connections; resolves when it is gone. */
  async kill(): Promise<void> {
    const running = this.#process
    this.#process = undefined
    if (running === undefined || running.exitCode !== null) return
    const exited = once(running, 'exit')
    running.kill('SIGKILL')
    await exited
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

import { type Address, freePort } from '../processes/free-port.js'
import { listening } from '../processes/listening.js'
import { Program, runProgram } from '../processes/program.js'

export const REDIS_PACKAGES = { 'redis-server': 'redis-server', 'redis-benchmark': 'redis-tools' }

export interface RedisServer {
  readonly address: Address
  readonly stop: () => Promise<void>
}

/** A redis that keeps nothing on disk. */
export async function startRedis(): Promise<RedisServer> {
  const address = await freePort()
  const { host, port } = address
  const program = new Program('redis-server', [
    ...['--bind', host, '--port', `${port}`, '--save', '', '--appendonly', 'no'],
    ...['--maxclients', '15000', '--tcp-backlog', '4096'],
  ])
  await listening(program, address)
  return { address, stop: () => program.stop() }
}

/** Stores a value of that size under the key that `redisBenchmark` asks for. */
export async function storeValue({ host, port }: Address, bytes: number): Promise<void> {
  const load = ['-t', 'set', '-n', '1', '-c', '1', '-d', `${bytes}`]
  await runProgram('redis-benchmark', ['-h', host, '-p', `${port}`, ...load])
}

export interface RedisBenchmark {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** `redis-benchmark -t get`, by the last line of its CSV: "test","rps","avg","min","p50","p95","p99","max". */
export async function redisBenchmark(
  { host, port }: Address,
  requests: number,
  flags: readonly string[],
): Promise<RedisBenchmark> {
  const args = ['-h', host, '-p', `${port}`, '-t', 'get', '-n', `${requests}`, '--csv', ...flags]
  const line = (await runProgram('redis-benchmark', args)).trim().split('\n').at(-1) ?? ''
  const [perSecond, , , p50Ms, , p99Ms] = line
    .split(',')
    .slice(1)
    .map((cell) => Number(cell.replaceAll('"', '')))
  if (perSecond === undefined || p50Ms === undefined || p99Ms === undefined || !(perSecond > 0)) {
    throw new Error(`redis-benchmark said '${line}'`)
  }
  return { perSecond, p50Ms, p99Ms }
}

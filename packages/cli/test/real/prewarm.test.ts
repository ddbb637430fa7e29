import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { Child, run } from './support/child.js'
import { startPostgres } from './support/postgres.js'
import { describeWith, program } from './support/programs.js'
import { freePort, startServer, temporaryDirectory } from './support/servers.js'

const RELAY = fileURLToPath(new URL('../../bin/relay.js', import.meta.url))

type Entry = Readonly<Record<string, unknown>>

interface PoolLine {
  readonly hits: number
  readonly misses: number
  readonly prewarmed: number
  readonly reused: number
  readonly dials: number
}

/** A `relay forward` with a pool, and the lines that it logged. */
class Forward {
  readonly #child: Child

  private constructor(child: Child) {
    this.#child = child
  }

  static async start(
    upstream: string,
    flags: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Forward> {
    const child = new Child(process.execPath, [RELAY, 'forward', '0', upstream, ...flags], { env })
    await child.printed(({ stderr }) => stderr.includes('"listening"'))
    return new Forward(child)
  }

  get port(): string {
    return String(/:(\d+)$/.exec(String(this.lines('listening')[0]?.listen))?.[1])
  }

  lines(message: string): readonly Entry[] {
    const { stderr } = this.#child
    const whole = stderr.slice(0, stderr.lastIndexOf('\n') + 1).split('\n')
    return whole
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Entry)
      .filter(({ msg }) => msg === message)
  }

  get warnings(): readonly Entry[] {
    const { stderr } = this.#child
    return stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Entry)
      .filter(({ level }) => level === 'warn' || level === 'error')
  }

  /** Resolves when that many sessions have ended. */
  async ended(count: number): Promise<void> {
    await this.#child.printed(() => this.lines('session closed').length >= count)
  }

  /** Stops it, and resolves with what it says of its pool at the end. */
  async stop(): Promise<PoolLine> {
    expect((await this.#child.stop()).code).toBe(0)
    return this.lines('pool').at(-1) as unknown as PoolLine
  }
}

describeWith(['postgres', 'initdb', 'psql', 'openssl'], 'PostgreSQL through relay forward --prewarm', () => {
  let postgresPort = 0
  let home = ''

  beforeAll(async () => {
    postgresPort = await startPostgres()
    home = temporaryDirectory()
  })

  test.each(['disable', 'require'])(
    'psql finds a connection open, one session after another (sslmode=%s)',
    async (mode) => {
      const relay = await Forward.start(`127.0.0.1:${postgresPort}`, ['--prewarm', '4'])
      const address = { PGHOST: '127.0.0.1', PGPORT: relay.port, PGSSLMODE: mode }
      const env = { ...address, PGUSER: 'postgres', PGDATABASE: 'postgres', HOME: home }
      for (let session = 1; session <= 8; session++) {
        const sql = ['--no-psqlrc', '--tuples-only', '--no-align', '--command', `SELECT ${session} * 111`]
        expect((await run(program('psql'), sql, { env })).stdout.toString()).toBe(`${session * 111}\n`)
      }
      await relay.ended(8)
      const { hits, misses, prewarmed, reused, dials } = await relay.stop()
      expect({ sessions: hits + misses, reused }).toEqual({ sessions: 8, reused: 0 })
      // The first may have been there before any connection was.
      expect(prewarmed).toBeGreaterThanOrEqual(7)
      expect(dials).toBeGreaterThanOrEqual(8)
      expect(relay.warnings).toEqual([])
    },
  )
})

describeWith(['redis-server', 'redis-cli', 'openssl'], 'redis through relay forward with a pool', () => {
  let redisPort = 0
  let tlsPort = 0
  let folder = ''

  beforeAll(async () => {
    folder = temporaryDirectory()
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    await run(program('openssl'), ['req', '-x509', ...kind, ...name, '-keyout', key, '-out', cert])
    redisPort = await freePort()
    do tlsPort = await freePort()
    while (tlsPort === redisPort)
    const store = ['--save', '', '--appendonly', 'no', '--dir', folder, '--bind', '127.0.0.1']
    const tls = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-auth-clients', 'no']
    const ports = ['--port', `${redisPort}`, '--tls-port', `${tlsPort}`]
    await startServer(redisPort, program('redis-server'), [...ports, ...tls, ...store])
  })

  async function redisCli(port: string | number, ...args: readonly string[]): Promise<string> {
    return (await run(program('redis-cli'), ['-p', `${port}`, ...args], { input: '' })).stdout.toString()
  }

  async function connectionsReceived(): Promise<number> {
    const info = await redisCli(redisPort, 'INFO', 'stats')
    return Number(/total_connections_received:(\d+)/.exec(info)?.[1])
  }

  test('redis-cli finds a connection open, one session after another, each its own (--prewarm 4)', async () => {
    const relay = await Forward.start(`127.0.0.1:${redisPort}`, ['--prewarm', '4'])
    for (let session = 1; session <= 12; session++) {
      expect(await redisCli(relay.port, 'SET', `key:${session}`, `${session}`)).toBe('OK\n')
      expect(await redisCli(relay.port, 'GET', `key:${session}`)).toBe(`${session}\n`)
    }
    await relay.ended(24)
    const { hits, misses, prewarmed, reused, dials } = await relay.stop()
    expect({ sessions: hits + misses, reused }).toEqual({ sessions: 24, reused: 0 })
    expect(prewarmed).toBeGreaterThanOrEqual(23)
    expect(dials).toBeGreaterThanOrEqual(24)
    expect(relay.warnings).toEqual([])
  })

  test('tls://… --reuse redis --prewarm auto: many sessions share a few connections, open before the first', async () => {
    const env = { NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') }
    const before = await connectionsReceived()
    const relay = await Forward.start(
      `tls://127.0.0.1:${tlsPort}`,
      ['--reuse', 'redis', '--prewarm', 'auto'],
      env,
    )
    for (let session = 1; session <= 12; session++) {
      expect(await redisCli(relay.port, 'SET', `tls:${session}`, `${session}`)).toBe('OK\n')
      expect(await redisCli(relay.port, 'GET', `tls:${session}`)).toBe(`${session}\n`)
    }
    await relay.ended(24)
    // But for the two that asked: what redis counted is what the pool did.
    const opened = (await connectionsReceived()) - before - 1
    const { hits, misses, prewarmed, reused, dials } = await relay.stop()
    expect(hits + misses).toBe(24)
    expect(hits).toBe(prewarmed + reused)
    expect(hits).toBeGreaterThanOrEqual(22)
    expect(reused).toBeGreaterThanOrEqual(18)
    expect(dials).toBeLessThanOrEqual(6)
    expect(opened).toBe(dials)
    expect(relay.warnings).toEqual([])
  })

  test('a certificate that nobody vouches for fails the session, and the pool says so', async () => {
    const relay = await Forward.start(`tls://127.0.0.1:${tlsPort}`, ['--prewarm', '1'])
    const refused = new Child(program('redis-cli'), ['-p', relay.port, 'PING'])
    expect((await refused.exit).code).not.toBe(0)
    await relay.ended(1)
    expect(relay.lines('session closed')[0]).toMatchObject({ reason: 'connect-failed', up: 0, down: 0 })
    expect(await relay.stop()).toMatchObject({ hits: 0, misses: 0, dials: 0 })
  })

  test('--reuse trust warns once, however many sessions there are', async () => {
    const relay = await Forward.start(`127.0.0.1:${redisPort}`, ['--reuse', 'trust'])
    for (let session = 1; session <= 6; session++) {
      expect(await redisCli(relay.port, 'PING')).toBe('PONG\n')
      // It ends when its client has acknowledged everything, and only then is its connection free.
      await relay.ended(session)
    }
    const { reused } = await relay.stop()
    expect(reused).toBe(5)
    expect(relay.warnings).toHaveLength(1)
    expect(relay.warnings[0]).toMatchObject({ level: 'warn', reuse: 'trust' })
    expect(String(relay.warnings[0]?.msg)).toContain('without proof')
  })
})

import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { Child, type ChildOptions, run } from './support/child.js'
import { startPostgres } from './support/postgres.js'
import { describeWith, program } from './support/programs.js'
import { inOrderOfStart, startRelay } from './support/relay-process.js'
import { temporaryDirectory } from './support/servers.js'

const MIB = 1024 * 1024

type Mode = 'disable' | 'require'

describeWith(['postgres', 'initdb', 'psql', 'openssl'], 'PostgreSQL through relay forward', () => {
  let postgresPort = 0
  let home = ''

  beforeAll(async () => {
    postgresPort = await startPostgres()
    home = temporaryDirectory()
  })

  function psql(port: number, mode: Mode, sql: string): [string, string[], ChildOptions] {
    const address = { PGHOST: '127.0.0.1', PGPORT: `${port}`, PGSSLMODE: mode }
    const env = { ...address, PGUSER: 'postgres', PGDATABASE: 'postgres', HOME: home }
    const flags = ['--no-psqlrc', '--set=ON_ERROR_STOP=1', '--quiet', '--tuples-only', '--no-align']
    return [program('psql'), [...flags, '--command', sql], { env }]
  }

  async function query(port: number, mode: Mode, sql: string, input = ''): Promise<string> {
    const [command, args, options] = psql(port, mode, sql)
    return (await run(command, args, { ...options, input })).stdout.toString()
  }

  describe.each<Mode>(['require', 'disable'])('sslmode=%s', (mode) => {
    test('a session is encrypted just as the client asked', async () => {
      const relay = await startRelay(`127.0.0.1:${postgresPort}`)
      const sql = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
      expect(await query(relay.port, mode, sql)).toBe(mode === 'require' ? 't\n' : 'f\n')
      // Both say goodbye and leave at once, and TLS says its own goodbyes to closed sockets: any end of a peer's may come first.
      expect((await relay.ended(1))[0]?.reason).toMatch(/^(client|upstream)-(end|reset)$/)
      await relay.expectCleanEnd()
    })

    test('100,000 rows arrive, each in its place', async () => {
      const relay = await startRelay(`127.0.0.1:${postgresPort}`)
      const sql = 'SELECT number, md5(number::text) FROM generate_series(1, 100000) AS number'
      const rows = Array.from({ length: 100_000 }, (_, index) => `${index + 1}|${md5(`${index + 1}`)}\n`)
      expect(md5(await query(relay.port, mode, sql))).toBe(md5(rows.join('')))
      expect((await relay.ended(1))[0]?.down).toBeGreaterThan(rows.join('').length)
      await relay.expectCleanEnd()
    })

    test('COPY brings several MiB in and out unchanged', async () => {
      const relay = await startRelay(`127.0.0.1:${postgresPort}`)
      const table = `copied_${mode}`
      const lines = Array.from(
        { length: 60_000 },
        (_, index) => `${index}\t${md5(`${mode} ${index}`).repeat(3)}\n`,
      )
      const data = lines.join('')
      expect(data.length).toBeGreaterThan(5 * MIB)
      await query(relay.port, mode, `CREATE TABLE ${table} (number int, text text)`)
      await query(relay.port, mode, `COPY ${table} FROM STDIN`, data)
      expect(md5(await query(relay.port, mode, `COPY ${table} TO STDOUT`))).toBe(md5(data))
      const [, copyIn, copyOut] = inOrderOfStart(await relay.ended(3))
      expect(copyIn?.up).toBeGreaterThan(data.length)
      expect(copyOut?.down).toBeGreaterThan(data.length)
      await relay.expectCleanEnd()
    })

    test('Ctrl-C cancels a query, by a second session', async () => {
      const relay = await startRelay(`127.0.0.1:${postgresPort}`)
      const sleeper = new Child(...psql(relay.port, mode, 'SELECT pg_sleep(600)'))
      await expect.poll(() => activity(mode), { timeout: 10_000 }).toBe('1\n')
      sleeper.kill('SIGINT')
      expect(await sleeper.exit).toEqual({ code: 1, signal: null })
      expect(sleeper.stderr).toContain('canceling statement due to user request')
      expect(await relay.ended(2)).toHaveLength(2)
      expect(await activity(mode)).toBe('0\n')
      await relay.expectCleanEnd()
    })
  })

  // Asked past the relay.
  function activity(mode: Mode): Promise<string> {
    const sql =
      "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'"
    return query(postgresPort, mode, sql)
  }
})

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { run } from './support/child.js'
import { startPostgres } from './support/postgres.js'
import { describeWith, program } from './support/programs.js'
import { temporaryDirectory } from './support/servers.js'
import { settingNames, startStaged } from './support/staged-relays.js'

describeWith(['postgres', 'initdb', 'psql', 'openssl'], 'PostgreSQL through stages', () => {
  let postgresPort = 0
  let home = ''

  beforeAll(async () => {
    postgresPort = await startPostgres()
    home = temporaryDirectory()
  })

  async function query(port: number, mode: string, sql: string): Promise<string> {
    const address = { PGHOST: '127.0.0.1', PGPORT: `${port}`, PGSSLMODE: mode }
    const env = { ...address, PGUSER: 'postgres', PGDATABASE: 'postgres', HOME: home }
    const flags = ['--no-psqlrc', '--set=ON_ERROR_STOP=1', '--quiet', '--tuples-only', '--no-align']
    return (await run(program('psql'), [...flags, '--command', sql], { env })).stdout.toString()
  }

  describe.each(settingNames)('%s', (setting) => {
    test.each(['disable', 'require'])('sslmode=%s: rows arrive, each in its place', async (mode) => {
      const relays = await startStaged(setting, postgresPort)
      const count = setting.includes('single bytes') ? 500 : 50_000
      const sql = `SELECT number, md5(number::text) FROM generate_series(1, ${count}) AS number`
      const rows = Array.from({ length: count }, (_, index) => `${index + 1}|${md5(`${index + 1}`)}\n`)
      expect(md5(await query(relays.port, mode, sql))).toBe(md5(rows.join('')))
      const encrypted = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
      expect(await query(relays.port, mode, encrypted)).toBe(mode === 'require' ? 't\n' : 'f\n')
      await relays.near.ended(2)
      await relays.far.ended(2)
      await relays.expectCleanEnd()
    })
  })
})

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

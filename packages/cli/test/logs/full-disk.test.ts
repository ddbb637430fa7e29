import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Child, run } from '../real/support/child.js'
import { whyNoMount } from '../real/support/own-mounts.js'
import { describeWith, program } from '../real/support/programs.js'
import { temporaryDirectory } from '../real/support/servers.js'
import { bin, portOf } from '../support/spawn-relay.js'

const PROGRAMS = ['unshare', 'nsenter', 'mount']
const SMALL = '64k'

// Some 500 bytes for each session: enough for the disk, and for 1 MiB that the relay keeps.
const NOWHERE = `unix:/nonexistent/${'long'.repeat(20)}`
const SESSIONS = 3_000
const AT_ONCE = 50

describeWith(PROGRAMS, 'an access log on a disk that is full', () => {
  const why = whyNoMount()
  if (why !== undefined) console.log(`an access log on a disk that is full: skipped: ${why}`)

  test.skipIf(why !== undefined).each([1, 2])(
    'goes on when there is room again, and what is lost is counted (workers: %d)',
    { timeout: 60_000 },
    async (workers) => {
      const folder = temporaryDirectory()
      const flags = ['--access-log', join(folder, 'log'), '--workers', `${workers}`]
      const relay = new Child(program('unshare'), [
        ...[
          '--map-root-user',
          '--mount',
          'sh',
          '-c',
          `mount -t tmpfs -o size=${SMALL} none "$0" && exec "$@"`,
          folder,
        ],
        ...[process.execPath, bin, 'forward', '0', NOWHERE, ...flags],
      ])
      const logged = (): Record<string, unknown>[] =>
        relay.stderr
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line))
      const of = (msg: string): Record<string, unknown>[] => logged().filter((line) => line.msg === msg)

      await relay.printed(() => of('listening').length > 0)
      const port = portOf(of('listening')[0]?.listen)
      for (let session = 0; session < SESSIONS; session += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => failing(port)))
      }
      await relay.printed(() => of('access log stopped').length === workers)
      expect(of('access log stopped')[0]).toMatchObject({
        level: 'error',
        error: expect.stringContaining('ENOSPC'),
      })

      const inside = [`--target=${relay.pid}`, '--user', '--mount', '--preserve-credentials']
      await run(program('nsenter'), [...inside, program('mount'), '-o', 'remount,size=64m', folder])
      await relay.printed(() => of('access log resumed').length === workers)
      // The next line says in the log itself what is missing before it.
      for (let session = 0; session < AT_ONCE; session++) await failing(port)
      // Open beyond the end of the relay, whose file system is gone with it.
      const log = openSync(`/proc/${relay.pid}/root${folder}/log`, 'r')
      onTestFinished(() => closeSync(log))
      relay.kill('SIGTERM')
      expect((await relay.exit).code).toBe(0)
      const text = readFileSync(log, 'utf8')

      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      const ended = lines.filter(({ msg }) => msg === 'session closed')
      const sum = (msg: string): number => of(msg).reduce((all, line) => all + Number(line.lines), 0)
      const lost = sum('access log resumed') + sum('access log lines lost')
      // Each worker keeps as much as one process alone.
      if (workers === 1) expect(lost).toBeGreaterThan(0)
      expect(new Set(ended.map(({ id }) => id)).size).toBe(ended.length)
      expect(ended.length + lost).toBe(SESSIONS + AT_ONCE)
    },
  )
})

/** A session without an upstream; resolves when it is over. */
async function failing(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  await new Promise((resolve) => socket.on('close', resolve))
}

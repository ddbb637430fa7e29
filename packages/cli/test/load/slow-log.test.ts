import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { portOf, spawnRelay } from '../support/spawn-relay.js'
import { figures } from './support/size.js'

// Each session that fails is a line of some 500 bytes: enough of them for the pipe, and for 1 MiB that the relay keeps.
const NOWHERE = `unix:/nonexistent/${'long'.repeat(20)}`
const SESSIONS = 4_000
const AT_ONCE = 50

test('what a reader that stops reading loses is counted, and it gets all else when it reads on', async () => {
  const { child, err, exit } = spawnRelay('forward', '0', NOWHERE)
  const port = portOf((await err.message('listening')).listen)
  child.stderr.pause()
  for (let session = 0; session < SESSIONS; session += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => failing(port)))
  }
  child.stderr.resume()
  await err.with('"msg":"session closed"')
  child.kill('SIGTERM')
  await err.message('stopped')
  expect(await exit).toBe(0)

  const lines = err.all.map((line) => JSON.parse(line))
  const of = (msg: string) => lines.filter((line) => line.msg === msg)
  const dropped = of('log lines dropped').reduce((sum, line) => sum + line.lines, 0)
  expect(dropped).toBeGreaterThan(0)
  expect(of('session closed').length + dropped).toBe(SESSIONS)
  expect(lines.at(-1)).toMatchObject({ msg: 'stopped', closed: { 'connect-failed': SESSIONS } })
  figures(
    'a reader of the log that stops',
    `${dropped} of ${SESSIONS} lines dropped and counted, no session harmed`,
  )
})

/** A session without an upstream; resolves when it is over. */
async function failing(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  await new Promise((resolve) => socket.on('close', resolve))
}

import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../real/support/servers.js'
import { portOf, spawnRelay } from '../support/spawn-relay.js'
import { figures, sized } from './support/size.js'

const SESSIONS = sized(4_000, 100_000)
const AT_ONCE = 50
const PER_ROTATION = sized(400, 2_500)

// Reset by the relay, so that no port of theirs has to rest.
const NOWHERE = 'unix:/nonexistent/upstream'

// Renamed and told so, renamed and not told; and what else a process may be sent.
const AFTER_RENAME: readonly (NodeJS.Signals | undefined)[] = ['SIGHUP', 'SIGUSR1', undefined]
const HARMLESS: readonly NodeJS.Signals[] = ['SIGUSR2', 'SIGWINCH', 'SIGCONT', 'SIGPIPE', 'SIGHUP', 'SIGUSR1']

test.each([1, 2])(
  'a log that is renamed again and again loses, doubles and tears no line (workers: %d)',
  async (workers) => {
    const folder = temporaryDirectory()
    const path = join(folder, 'access.log')
    const flags = ['--access-log', path, '--workers', `${workers}`]
    const { child, err, exit } = spawnRelay('forward', '0', NOWHERE, ...flags)
    const port = portOf((await err.message('listening')).listen)
    let rotations = 0
    for (let session = 0; session < SESSIONS; session += AT_ONCE) {
      const sessions = Array.from({ length: AT_ONCE }, () => failing(port))
      child.kill(HARMLESS[(session / AT_ONCE) % HARMLESS.length])
      if (session % PER_ROTATION === 0 && existsSync(path)) {
        const signal = AFTER_RENAME[rotations % AFTER_RENAME.length]
        renameSync(path, `${path}.${++rotations}`)
        if (signal !== undefined) child.kill(signal)
      }
      await Promise.all(sessions)
    }
    child.kill('SIGTERM')
    expect(await err.message('stopped')).toMatchObject({ accepted: SESSIONS })
    expect(await exit).toBe(0)

    const files = readdirSync(folder)
    const lines = files.flatMap((name) =>
      readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean),
    )
    const ids = lines.map((line) => JSON.parse(line).id)
    expect(ids).toHaveLength(SESSIONS)
    expect(new Set(ids).size).toBe(SESSIONS)
    expect(files.length).toBeGreaterThan(5)
    expect(err.all.filter((line) => /Debugger|lost|dropped|stopped"/.test(line))).toHaveLength(1)
    figures(
      `a log renamed ${rotations} times under load`,
      `${ids.length} lines of ${SESSIONS} sessions in ${files.length} files`,
    )
  },
)

/** A session without an upstream; resolves when it is over. */
async function failing(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  await new Promise((resolve) => socket.on('close', resolve))
}

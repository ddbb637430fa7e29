import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ask } from '../support/ask.js'
import { echoPort } from '../support/forward.js'
import { type RelayProcess, spawnRelay } from '../support/spawn-relay.js'
import { temporaryDirectory } from './support/servers.js'

const stray = fileURLToPath(new URL('../fixtures/stray.mjs', import.meta.url))

async function relayOn(path: string, ...flags: readonly string[]): Promise<RelayProcess> {
  const relay = spawnRelay('forward', `unix:${path}`, await echoPort(), ...flags)
  expect((await relay.err.message('listening')).listen).toBe(`unix:${path}`)
  return relay
}

const settings = [
  ['one process', []],
  ['workers', ['--workers', '2']],
] as const

test.each(settings)(
  '%s: a successor on the same path keeps its socket, and its clients',
  async (_name, flags) => {
    const folder = temporaryDirectory()
    const path = join(folder, 'socket')
    const old = await relayOn(path, ...flags)
    rmSync(path)
    const next = await relayOn(path, ...flags)
    old.child.kill('SIGTERM')
    expect(await old.exit).toBe(0)
    for (let session = 0; session < 10; session++) expect(await ask(path, 'hello')).toBe('hello')
    next.child.kill('SIGTERM')
    expect(await next.exit).toBe(0)
    expect(readdirSync(folder)).toEqual([])
  },
)

test.each(settings)('%s: what SIGKILL has left is taken over, what lives is in use', async (_name, flags) => {
  const folder = temporaryDirectory()
  const path = join(folder, 'socket')
  const killed = await relayOn(path, ...flags)
  killed.child.kill('SIGKILL')
  await killed.exit
  // Workers of a primary that was killed leave by themselves.
  const failure = (): Promise<unknown> => ask(path, 'x').catch((error: NodeJS.ErrnoException) => error.code)
  await expect.poll(failure, { timeout: 10_000 }).toBe('ECONNREFUSED')
  const next = await relayOn(path, ...flags)
  const late = spawnRelay('forward', `unix:${path}`, await echoPort(), ...flags)
  expect(await late.exit).toBe(1)
  expect(await late.err.with('cannot listen')).toMatch(/already in use \(EADDRINUSE\)/)
  expect(await ask(path, 'hello')).toBe('hello')
  next.child.kill('SIGTERM')
  expect(await next.exit).toBe(0)
  expect(readdirSync(folder)).toEqual([])
})

test('a worker that follows a dead one serves the same path', async () => {
  const folder = temporaryDirectory()
  const path = join(folder, 'socket')
  const relay = await relayOn(path, '--workers', '2')
  const inode = statSync(path).ino
  process.kill(firstChildOf(relay.child.pid as number), 'SIGKILL')
  await relay.err.message('worker exited')
  for (let session = 0; session < 10; session++) expect(await ask(path, 'hello')).toBe('hello')
  expect(statSync(path).ino).toBe(inode)
  relay.child.kill('SIGTERM')
  expect(await relay.exit).toBe(0)
  expect(readdirSync(folder)).toEqual([])
})

test.each(settings)('%s: --unix-mode is the mode of the socket', async (_name, flags) => {
  const path = join(temporaryDirectory(), 'socket')
  await relayOn(path, '--unix-mode', '660', ...flags)
  expect(statSync(path).mode & 0o777).toBe(0o660)
})

test('a forced stop leaves no file behind', async () => {
  const folder = temporaryDirectory()
  const relay = await relayOn(join(folder, 'socket'))
  relay.child.kill('SIGTERM')
  relay.child.kill('SIGINT')
  await relay.exit
  expect(readdirSync(folder)).toEqual([])
})

test('a folder that is missing is named', async () => {
  const { err, exit } = spawnRelay('forward', 'unix:/nowhere/socket', '9')
  expect(await exit).toBe(1)
  expect(await err.with('cannot listen')).toBe(
    'relay forward: cannot listen on unix:/nowhere/socket: there is no folder /nowhere (ENOENT)',
  )
})

test('a wrong mode is refused', async () => {
  const { err, exit } = spawnRelay('forward', 'unix:/nowhere/socket', '9', '--unix-mode', '980')
  expect(await exit).toBe(2)
  await err.with("--unix-mode: expected a file mode in octal, such as 660, got '980'")
})

function firstChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ')[0])
}

test('a worker that leaves by itself leaves the path to the others', async () => {
  const path = join(temporaryDirectory(), 'socket')
  const flags = ['--workers', '2', '--stage', stray, '--on-stray-error', 'exit']
  const relay = await relayOn(path, ...flags)
  // Whichever worker takes it: one of them has published the path.
  for (let death = 0; death < 2; death++) {
    await ask(path, 'stray').catch(() => {})
    const exits = (): string[] => relay.err.all.filter((line) => line.includes('worker exited'))
    await expect.poll(exits, { timeout: 10_000 }).toHaveLength(death + 1)
    expect(existsSync(path)).toBe(true)
    // One that is about to leave may still have taken a client.
    await expect.poll(() => ask(path, 'hello').catch(() => ''), { timeout: 10_000 }).toBe('hello')
  }
})

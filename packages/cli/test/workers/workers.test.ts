import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask } from '../support/ask.js'
import { Lines } from '../support/lines.js'
import { bin, portOf, spawnRelay } from '../support/spawn-relay.js'
import {
  clientOf,
  closed,
  echoes,
  isAlive,
  listeningRelay,
  liveClient,
  workerRelay,
  workersOf,
} from './support/worker-relay.js'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

// Processes start and end in their own time.
const PATIENCE = { timeout: 10_000 }

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('the command says once that it listens, and what all did together', async () => {
  const { child, err, exit, port } = await workerRelay()
  for (let session = 0; session < 20; session += 1) expect(await ask(port, 'hello')).toBe('hello')
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  const lines = err.all.map((line) => JSON.parse(line))
  expect(lines[0]).toMatchObject({ msg: 'listening', listen: `127.0.0.1:${port}`, workers: 2 })
  expect(lines.filter(({ msg }) => msg === 'listening')).toHaveLength(1)
  const sessions = lines.filter(({ msg }) => msg === 'session closed')
  expect(new Set(sessions.map(({ id }) => id)).size).toBe(20)
  for (const { worker } of sessions) expect([1, 2]).toContain(worker)
  expect(lines.at(-1)).toEqual({
    ...{
      level: 'info',
      time: expect.any(String),
      msg: 'stopped',
      signal: 'SIGTERM',
      accepted: 20,
      rejected: 0,
    },
    ...{ closed: { 'client-end': 20 }, up: 100, down: 100 },
  })
})

test('the session lines are whole in one access log', async () => {
  const file = join(temporaryFolder(), 'log')
  const { child, exit, port } = await workerRelay('--access-log', file)
  for (let round = 0; round < 8; round += 1)
    await Promise.all(Array.from({ length: 25 }, () => ask(port, 'hello')))
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(new Set(lines.map((line) => JSON.parse(line).id)).size).toBe(200)
})

test('a port in use is one line, and 1', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void taken.close())
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { err, exit } = spawnRelay('forward', `${port}`, '1', '--workers', '4')
  expect(await exit).toBe(1)
  expect(err.all).toEqual([`relay forward: cannot listen on 127.0.0.1:${port}: already in use (EADDRINUSE)`])
})

test('a stage that cannot be loaded is one line, and 2', async () => {
  const { err, exit } = spawnRelay('forward', '0', '1', '--workers', '4', '--stage', './none.mjs')
  expect(await exit).toBe(2)
  expect(err.all).toHaveLength(1)
  expect(err.all[0]).toMatch(/^relay forward: --stage: .*none\.mjs/)
})

test('a unix socket is gone when the workers are', async () => {
  const path = join(temporaryFolder(), 'socket')
  const echo = spawnRelay('echo', '0')
  const upstream = portOf((await echo.err.message('listening')).listen)
  const { child, exit } = await listeningRelay('forward', `unix:${path}`, `${upstream}`, '--workers', '2')
  for (let session = 0; session < 10; session += 1) expect(await ask(path, 'hello')).toBe('hello')
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  expect(existsSync(path)).toBe(false)
})

// `script` runs the command on a terminal of its own; that of macOS takes other arguments.
const script = '/usr/bin/script'
const hasScript = process.platform === 'linux' && (existsSync(script) || process.env.CI === 'true')
test.skipIf(!hasScript)('on a terminal they write lines for people, and Ctrl-C drains', async () => {
  const echo = spawnRelay('echo', '0')
  const upstream = portOf((await echo.err.message('listening')).listen)
  // In place of the shell: one that stays (dash does, where SHELL is not set) dies of the Ctrl-C itself.
  const command = `exec "${process.execPath}" "${bin}" forward 0 ${upstream} --workers 2`
  const terminal = spawn(script, ['-qefc', command, '/dev/null'], { env: { ...process.env, NO_COLOR: '1' } })
  const over = new Promise((resolve) => terminal.on('close', resolve))
  onTestFinished(() => void terminal.kill('SIGKILL'))
  const shown = Lines.of(terminal.stdout)
  const port = portOf(/listen=(\S+)/.exec(await shown.with('listening'))?.[1])
  const client = await liveClient(port)
  terminal.stdin.write('\u0003')
  await shown.with('draining')
  await echoes(client)
  client.end()
  expect(await shown.with('session closed')).toMatch(/^[^{]*session closed .*reason=client-end.*worker=[12]/)
  expect(await shown.with('stopped')).toContain('accepted=1')
  expect(await over).toBe(0)
})

describe.runIf(process.platform === 'linux')('workers as processes', () => {
  test('SIGTERM lets the sessions of each end, and turns new clients away', async () => {
    const relay = await workerRelay()
    const clients = [await clientOf(relay, 1), await clientOf(relay, 2)]
    relay.child.kill('SIGTERM')
    await relay.err.with('"worker":1,"msg":"draining"')
    await relay.err.with('"worker":2,"msg":"draining"')
    await expect.poll(() => ask(relay.port, 'late').catch(({ code }) => code), PATIENCE).toBe('ECONNREFUSED')
    for (const client of clients) await echoes(client)
    for (const client of clients) client.end()
    expect(await relay.exit).toBe(0)
    expect(await relay.err.message('stopped')).toMatchObject({ accepted: 2, up: 4, down: 4 })
  })

  test('a signal to the whole group drains as one to the command does', async () => {
    const relay = await workerRelay()
    const client = await clientOf(relay, 1)
    for (const pid of workersOf(relay).values()) process.kill(pid, 'SIGTERM')
    await echoes(client)
    relay.child.kill('SIGTERM')
    await relay.err.message('draining')
    await echoes(client)
    client.end()
    expect(await relay.exit).toBe(0)
  })

  test('a second signal ends the command and its workers at once', async () => {
    const relay = await workerRelay()
    const pids = [...workersOf(relay).values()]
    const client = await clientOf(relay, 2)
    relay.child.kill('SIGTERM')
    await relay.err.message('draining')
    relay.child.kill('SIGINT')
    expect(await relay.exit).toBe(130)
    await closed(client)
    await expect.poll(() => pids.filter(isAlive), PATIENCE).toEqual([])
  })

  test('a second signal ends a worker that hears nothing, too', async () => {
    const relay = await workerRelay('--stage', fixture('hangs.mjs'))
    const pids = [...workersOf(relay).values()]
    const client = connect(relay.port, '127.0.0.1').on('error', () => {})
    onTestFinished(() => {
      client.destroy()
      for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL')
    })
    await relay.err.with('hangs')
    relay.child.kill('SIGTERM')
    await expect.poll(() => pids.filter(isAlive).length, PATIENCE).toBe(1)
    relay.child.kill('SIGINT')
    expect(await relay.exit).toBe(130)
    await expect.poll(() => pids.filter(isAlive), PATIENCE).toEqual([])
  })

  test('a worker that is killed takes its own sessions only, and another follows', async () => {
    const relay = await workerRelay()
    const [hit, spared] = [await clientOf(relay, 1), await clientOf(relay, 2)]
    const killed = workersOf(relay).get(1) as number
    process.kill(killed, 'SIGKILL')
    await closed(hit)
    await echoes(spared)
    expect(await ask(relay.port, 'hello')).toBe('hello')
    expect(await relay.err.message('worker exited')).toMatchObject({
      level: 'error',
      worker: 1,
      signal: 'SIGKILL',
    })
    await expect.poll(() => workersOf(relay).get(1) ?? killed, PATIENCE).not.toBe(killed)
    const next = await clientOf(relay, 1)
    for (const client of [spared, next]) {
      await echoes(client)
      client.end()
    }
    relay.child.kill('SIGTERM')
    expect(await relay.exit).toBe(0)
  })

  test('a signal while the first worker starts ends the command', async () => {
    const relay = spawnRelay('forward', '0', '1', '--workers', '2')
    await expect.poll(() => workersOf(relay).size, { interval: 2, timeout: 10_000 }).toBe(1)
    relay.child.kill('SIGTERM')
    expect(await relay.exit).toBe(0)
  })

  test('a signal while another worker starts ends the command', async () => {
    const relay = await workerRelay()
    const killed = workersOf(relay).get(1) as number
    process.kill(killed, 'SIGKILL')
    const started = (): boolean => (workersOf(relay).get(1) ?? killed) !== killed
    await expect.poll(started, { interval: 2, timeout: 10_000 }).toBe(true)
    relay.child.kill('SIGTERM')
    expect(await relay.exit).toBe(0)
  })

  test('workers end with their primary', async () => {
    const relay = await workerRelay()
    const pids = [...workersOf(relay).values()]
    expect(pids).toHaveLength(2)
    relay.child.kill('SIGKILL')
    await expect.poll(() => pids.filter(isAlive), PATIENCE).toEqual([])
  })

  test('workers that end again and again are followed after growing pauses, and a stop ends that', async () => {
    const relay = await workerRelay('--stage', fixture('dies.mjs'))
    for (const restartMs of [100, 200, 400]) {
      const pid = workersOf(relay).get(1)
      await expect(clientOf(relay, 1)).rejects.toThrow('closed')
      await relay.err.with(`"worker":1,"exitCode":7,"restartMs":${restartMs}`)
      if (restartMs < 400) await expect.poll(() => workersOf(relay).get(1) ?? pid, PATIENCE).not.toBe(pid)
    }
    relay.child.kill('SIGTERM')
    expect(await relay.exit).toBe(0)
  })

  test('when all are killed at once there is a listener again, and a line says where', async () => {
    const relay = await workerRelay()
    for (const pid of workersOf(relay).values()) process.kill(pid, 'SIGKILL')
    await expect
      .poll(() => relay.err.all.filter((line) => line.includes('"worker exited"')).length, PATIENCE)
      .toBe(2)
    const answer = async (): Promise<string> => {
      const ready = relay.err.all.findLast((line) => line.includes('"listening"')) ?? ''
      return ask(portOf(JSON.parse(ready).listen), 'hello').catch(() => '')
    }
    await expect.poll(answer, PATIENCE).toBe('hello')
    expect(JSON.parse(relay.err.all.findLast((line) => line.includes('"listening"')) ?? '')).toMatchObject({
      workers: 2,
    })
    relay.child.kill('SIGTERM')
    expect(await relay.exit).toBe(0)
  })

  test('what is counted in all is shared out: --max-connections 2 is one session for each', async () => {
    const relay = await workerRelay('--max-connections', '2')
    await clientOf(relay, 1)
    await clientOf(relay, 2)
    await expect(liveClient(relay.port)).rejects.toThrow('closed')
    relay.child.kill('SIGTERM')
    relay.child.kill('SIGINT')
    await relay.exit
  })
})

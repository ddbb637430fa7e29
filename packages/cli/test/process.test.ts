import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ask } from './support/ask.js'
import { Lines } from './support/lines.js'
import { bin, portOf, type RelayProcess, spawnRelay } from './support/spawn-relay.js'

/** An echo and a relay before it, each a process. */
async function forward(...options: readonly string[]): Promise<RelayProcess & { port: number }> {
  const echo = spawnRelay('echo', '0')
  const upstream = portOf((await echo.err.message('listening')).listen)
  const relay = spawnRelay('forward', '0', `${upstream}`, ...options)
  return { ...relay, port: portOf((await relay.err.message('listening')).listen) }
}

async function liveClient(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => {
    socket.destroy()
  })
  socket.write('x')
  await once(socket, 'data')
  return socket
}

test('SIGTERM lets a running session end, and exits 0', async () => {
  const { child, err, exit, port } = await forward()
  const client = await liveClient(port)
  child.kill('SIGTERM')
  expect(await err.message('draining')).toMatchObject({ signal: 'SIGTERM', active: 1 })
  await expect(ask(port, 'too late')).rejects.toThrow('ECONNREFUSED')
  client.write('y')
  expect(`${(await once(client, 'data'))[0]}`).toBe('y')
  client.end()
  expect(await exit).toBe(0)
  expect(await err.message('stopped')).toMatchObject({
    accepted: 1,
    closed: { 'client-end': 1 },
    up: 2,
    down: 2,
  })
})

test('SIGTERM cuts what is still running after --drain, and exits 0', { timeout: 10_000 }, async () => {
  const { child, err, exit, port } = await forward('--drain', '50ms')
  await liveClient(port)
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  expect(await err.message('session closed')).toMatchObject({ reason: 'draining' })
})

test('the last session lines are in the access log when it exits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { child, exit, port } = await forward('--drain', '0', '--access-log', join(folder, 'log'))
  for (let client = 0; client < 10; client += 1) await liveClient(port)
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  const lines = readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).reason)).toEqual(Array(10).fill('draining'))
})

test.each([
  ['SIGINT', 'SIGTERM', 143],
  ['SIGTERM', 'SIGINT', 130],
] as const)('%s, then %s while a session runs, exits at once with %d', async (first, second, exitCode) => {
  const { child, err, exit, port } = await forward()
  await liveClient(port)
  child.kill(first)
  await err.message('draining')
  child.kill(second)
  expect(await exit).toBe(exitCode)
})

test('the same signal once more exits at once too', async () => {
  const { child, err, exit, port } = await forward()
  await liveClient(port)
  child.kill('SIGTERM')
  await err.message('draining')
  const impatient = setInterval(() => child.kill('SIGTERM'), 150) // within 100 ms it would be an echo
  expect(await exit).toBe(143)
  clearInterval(impatient)
})

test.each(['stderr', 'stdout'] as const)('lives on when %s is closed', async (stream) => {
  const { child, exit, port } = await forward(...(stream === 'stdout' ? ['--access-log', '-'] : []))
  child[stream].destroy()
  for (let session = 0; session < 10; session += 1) expect(await ask(port, 'hello')).toBe('hello')
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
})

test('lives on behind `2>&1 | head -1`', async () => {
  const echo = spawnRelay('echo', '0')
  const upstream = portOf((await echo.err.message('listening')).listen)
  const piped =
    '{ { "$0" "$1" forward 0 "$2" & echo "pid $!" >&3; wait $!; echo "exit $?" >&3; } 2>&1 | head -1; } 3>&1'
  const shell = spawn('sh', ['-c', piped, process.execPath, bin, `${upstream}`])
  const out = Lines.of(shell.stdout)
  const pid = Number((await out.with('pid ')).slice('pid '.length))
  let ended = false
  onTestFinished(() => {
    if (!ended) process.kill(pid, 'SIGKILL')
  })
  const port = portOf((await out.message('listening')).listen)
  for (let session = 0; session < 10; session += 1) expect(await ask(port, 'hello')).toBe('hello')
  process.kill(pid, 'SIGTERM')
  expect(await out.with('exit ')).toBe('exit 0')
  ended = true
})

test('lives on when nobody reads stderr, and loses log lines only', async () => {
  const { child, exit, port } = await forward()
  child.stderr.pause()
  // Each session is a line of some 250 bytes: enough of them fill the pipe.
  for (let round = 0; round < 40; round += 1) {
    const answers = await Promise.all(Array.from({ length: 25 }, () => ask(port, 'hello')))
    expect(answers).toEqual(answers.map(() => 'hello'))
  }
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
})

// `script` runs the command on a terminal of its own; that of macOS takes other arguments.
const script = '/usr/bin/script'
const hasScript = process.platform === 'linux' && (existsSync(script) || process.env.CI === 'true')
test.skipIf(!hasScript)('lives on when its terminal is paused with Ctrl-S', async () => {
  const echo = spawnRelay('echo', '0')
  const upstream = portOf((await echo.err.message('listening')).listen)
  const terminal = spawn(script, [
    '-qfc',
    `"${process.execPath}" "${bin}" forward 0 ${upstream} --json`,
    '/dev/null',
  ])
  onTestFinished(() => {
    terminal.kill('SIGKILL')
  })
  const shown = Lines.of(terminal.stdout)
  const port = portOf((await shown.message('listening')).listen)
  terminal.stdin.write('\u0013')
  for (let session = 0; session < 100; session += 1) expect(await ask(port, 'hello')).toBe('hello')
  terminal.stdin.write('\u0011\u0003')
  expect(await shown.message('stopped')).toMatchObject({ signal: 'SIGINT', accepted: 100 })
})

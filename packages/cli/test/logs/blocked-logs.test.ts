import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../real/support/servers.js'
import { ask } from '../support/ask.js'
import { echoPort } from '../support/forward.js'
import { Lines } from '../support/lines.js'
import { bin, portOf, spawnRelay } from '../support/spawn-relay.js'

const START = { timeout: 10_000 }

function fifo(): string {
  const path = join(temporaryDirectory(), 'fifo')
  execFileSync('mkfifo', [path])
  return path
}

/** What a FIFO holds now. */
function reader(path: string): () => string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  onTestFinished(() => closeSync(fd))
  return () => {
    const buffer = Buffer.alloc(1024 * 1024)
    try {
      return buffer.toString('latin1', 0, readSync(fd, buffer))
    } catch {
      return ''
    }
  }
}

test.each([
  ['--access-log', '', 'access log'],
  ['--stage', 'record:', 'recording'],
] as const)(
  '%s %sFIFO, which nobody reads, stops neither start, nor sessions, nor stop',
  async (flag, spec, what) => {
    const path = fifo()
    const { child, err, exit } = spawnRelay('forward', '0', await echoPort(), flag, `${spec}${path}`)
    const port = portOf((await err.message('listening')).listen)
    expect(await err.message(`${what} stopped`)).toMatchObject({
      file: path,
      error: expect.stringMatching(/nobody reads/),
    })
    expect(await ask(port, 'hello')).toBe('hello')
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    // An access log gets a line for each session; a recording one for its beginning, two chunks and its end.
    expect(await err.message(`${what} lines lost`)).toMatchObject({ lines: flag === '--stage' ? 4 : 1 })
    expect(await err.message('stopped')).toMatchObject({ accepted: 1 })
  },
)

test.each([1, 2])(
  'a reader of the access log that comes later gets all lines (workers: %d)',
  async (workers) => {
    const path = fifo()
    const { child, err, exit } = spawnRelay(
      ...['forward', '0', await echoPort(), '--access-log', path, '--workers', `${workers}`],
    )
    const port = portOf((await err.message('listening')).listen)
    for (let session = 0; session < 10; session++) await ask(port, 'hello')
    const read = reader(path)
    let lines = ''
    await expect
      .poll(() => {
        lines += read()
        return lines.split('\n').length - 1
      }, START)
      .toBe(10)
    expect(
      new Set(
        lines
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).id),
      ).size,
    ).toBe(10)
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
  },
)

test('a wrong file still fails at the start, as a recording too', async () => {
  for (const flags of [
    ['--access-log', '/nowhere/log'],
    ['--stage', 'record:/nowhere/log'],
  ]) {
    const { err, exit } = spawnRelay('forward', '0', '1', ...flags)
    expect(await exit).toBe(1)
    expect(await err.with('cannot open')).toMatch(/\/nowhere\/log.*ENOENT/)
  }
})

test('a log to a file by the shell has all lines, the last one too, also of a start that fails', async () => {
  const path = join(temporaryDirectory(), 'log')
  const relay = async (stdio: number, ...args: string[]): Promise<unknown> => {
    const child = spawn(process.execPath, [bin, 'forward', ...args], { stdio: ['ignore', 'pipe', stdio] })
    onTestFinished(() => void child.kill('SIGKILL'))
    if (args[0] === '0') {
      await expect.poll(() => readFileSync(path, 'utf8'), START).toMatch(/"listening"/)
      await ask(portOf(JSON.parse(readFileSync(path, 'utf8')).listen), 'hello')
      child.kill('SIGTERM')
    }
    return (await once(child, 'exit'))[0]
  }
  const fd = openSync(path, 'w')
  onTestFinished(() => closeSync(fd))
  expect(await relay(fd, '0', await echoPort())).toBe(0)
  expect(await relay(fd, '1.2.3.4:1', '9')).toBe(1)
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.slice(0, 3).map((line) => JSON.parse(line).msg)).toEqual([
    'listening',
    'session closed',
    'stopped',
  ])
  expect(lines[3]).toMatch(/cannot listen on 1\.2\.3\.4:1/)
})

test('a full disk under stderr neither ends the relay, nor its sessions', async () => {
  const full = openSync('/dev/full', 'w')
  onTestFinished(() => closeSync(full))
  const upstream = await echoPort()
  const child = spawn(process.execPath, [bin, 'forward', '0', upstream, '--access-log', '-'], {
    stdio: ['ignore', 'pipe', full],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const out = Lines.of(child.stdout as Readable)
  // Nobody says where it listens.
  const port = await portOfProcess(child.pid as number)
  for (let session = 0; session < 3; session++) expect(await ask(port, 'hello')).toBe('hello')
  await out.message('session closed')
  child.kill('SIGTERM')
  expect((await once(child, 'exit'))[0]).toBe(0)
})

/** The one port that a process listens on. */
async function portOfProcess(pid: number): Promise<number> {
  let port = 0
  await expect
    .poll(() => {
      const listening = /^ *\d+: 0100007F:([0-9A-F]{4}) 00000000:0000 0A .*$/gm
      const rows = [...readFileSync(`/proc/${pid}/net/tcp`, 'latin1').matchAll(listening)]
      const own = rows.find(([row]) => socketsOf(pid).includes(row.trim().split(/ +/)[9] as string))
      port = Number.parseInt(own?.[1] ?? '0', 16)
      return port
    }, START)
    .toBeGreaterThan(0)
  return port
}

function socketsOf(pid: number): string {
  return execFileSync('ls', ['-l', `/proc/${pid}/fd`], { encoding: 'latin1' })
}

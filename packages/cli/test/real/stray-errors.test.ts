import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lines } from '../support/lines.js'
import { bin, portOf, spawnRelay } from '../support/spawn-relay.js'

const floating = fileURLToPath(new URL('../fixtures/floating.mjs', import.meta.url))

interface Relay {
  readonly port: number
  readonly err: Lines
  readonly child: ChildProcess
}

async function relay(flags: readonly string[], env: Record<string, string> = {}): Promise<Relay> {
  const echo = spawnRelay('echo', '0')
  const upstream = portOf((await echo.err.message('listening')).listen)
  const child = spawn(process.execPath, [bin, 'forward', '0', String(upstream), ...flags], {
    env: { ...process.env, ...env },
  })
  onTestFinished(async () => {
    child.kill('SIGTERM')
    child.kill('SIGINT')
    if (child.exitCode === null) await once(child, 'exit')
  })
  const err = Lines.of(child.stderr)
  return { port: portOf((await err.message('listening')).listen), err, child }
}

function client(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

async function ask(socket: Socket, word: string): Promise<string> {
  socket.write(word)
  return String((await once(socket, 'data'))[0])
}

async function endsItsOwnSessionAlone(flags: readonly string[], bug: string): Promise<void> {
  const { port, err } = await relay(flags)
  const [other, faulty] = [client(port), client(port)]
  expect(await ask(other, 'hello')).toBe('hello')
  const closed = new Promise((resolve) => faulty.resume().once('close', resolve))
  faulty.write(bug)
  expect(await err.message('session closed')).toMatchObject({
    reason: 'stage-error',
    stage: 'floating',
    error: `stage "floating" (up) failed: ${bug}`,
  })
  await closed
  expect(await ask(other, 'still here')).toBe('still here')
}

describe.each(['function', 'generator', 'async-generator'])(
  'an error that nobody caught, in a %s of a stage',
  (kind) => {
    test.each(['later', 'emitter'])('%s: ends its own session, and no other', (bug) =>
      endsItsOwnSessionAlone(['--stage', `${floating}:${kind}`], bug),
    )
  },
)

test('an error that nobody caught in one of two workers ends its own session, and no other', () =>
  endsItsOwnSessionAlone(['--stage', floating, '--workers', '2'], 'rejection'))

test('an error of no session is logged, and ends none', async () => {
  const { port, err } = await relay(['--stage', floating], { FLOATING_AT_START: 'yes' })
  const other = client(port)
  expect(await ask(other, 'hello')).toBe('hello')
  expect(await err.message('stray error')).toMatchObject({ level: 'error', error: 'at start' })
  expect(await ask(other, 'still here')).toBe('still here')
})

test('with --on-stray-error exit it is logged, and ends the process with its sessions reset', async () => {
  const { port, err, child } = await relay(['--stage', floating, '--on-stray-error', 'exit'])
  const [other, faulty] = [client(port), client(port)]
  expect(await ask(other, 'hello')).toBe('hello')
  const exit = once(child, 'exit')
  const reset = new Promise((resolve) =>
    other.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
  )
  faulty.write('timer')
  expect(await err.message('stray error')).toMatchObject({ error: 'timer' })
  expect(await reset).toBe('ECONNRESET')
  expect((await exit)[0]).toBe(1)
})

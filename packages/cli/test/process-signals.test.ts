import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ask } from './support/ask.js'
import { echoPort } from './support/forward.js'
import { Lines } from './support/lines.js'
import { bin, portOf, spawnRelay } from './support/spawn-relay.js'

const HARMLESS = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

function childrenOf(pid: number): number[] {
  const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  return ids === '' ? [] : ids.split(' ').map(Number)
}

test.each([
  ['forward', 'alone', []],
  ['forward', 'with workers', ['--workers', '2']],
  ['echo', 'alone', []],
] as const)(
  'relay %s, %s: HUP, USR1 and USR2 end nothing, and open no debugger',
  async (command, _how, flags) => {
    const args = command === 'echo' ? ['0'] : ['0', await echoPort(), ...flags]
    const { child, err, exit } = spawnRelay(command, ...args)
    const port = portOf((await err.message('listening')).listen)
    const live = connect(port, '127.0.0.1')
    onTestFinished(() => void live.destroy())
    live.write('x')
    await once(live, 'data')
    const pid = child.pid as number
    for (const signal of HARMLESS)
      for (const target of [pid, ...childrenOf(pid)]) process.kill(target, signal)
    for (let session = 0; session < 5; session++) expect(await ask(port, 'hello')).toBe('hello')
    live.write('y')
    expect(`${(await once(live, 'data'))[0]}`).toBe('y')
    live.end()
    await once(live, 'close')
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(err.all.filter((line) => line.includes('ebugger'))).toEqual([])
  },
)

test('the first thing that it does is to be calm: signals at its start do not end it', async () => {
  const { child, err, exit } = spawnRelay('forward', '0', await echoPort())
  const hasHandler = (): boolean => {
    // The bit of SIGHUP among the signals that are caught.
    const caught = /^SigCgt:\s+(\w+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1]
    return (BigInt(`0x${caught ?? 0}`) & 1n) === 1n
  }
  await expect.poll(hasHandler, { interval: 1 }).toBe(true)
  for (const signal of HARMLESS) child.kill(signal)
  await err.message('listening')
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  expect(err.all.filter((line) => line.includes('ebugger'))).toEqual([])
})

// `script` runs the command on a terminal of its own; that of macOS takes other arguments.
const script = '/usr/bin/script'
const hasScript = process.platform === 'linux' && (existsSync(script) || process.env.CI === 'true')
test.skipIf(!hasScript)(
  'a terminal that is closed ends it, and one that is only told SIGHUP does not',
  async () => {
    const command = `"${process.execPath}" "${bin}" forward 0 ${await echoPort()} --json`
    const terminal = spawn(script, ['-qfc', `echo pid $$; exec ${command}`, '/dev/null'])
    onTestFinished(() => void terminal.kill('SIGKILL'))
    const shown = Lines.of(terminal.stdout)
    const pid = Number((await shown.with('pid ')).slice('pid '.length))
    onTestFinished(() => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    })
    const port = portOf((await shown.message('listening')).listen)
    process.kill(pid, 'SIGHUP')
    expect(await ask(port, 'hello')).toBe('hello')
    terminal.kill('SIGKILL')
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false)
  },
)

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

import { expect, test } from 'vitest'
import { run } from '../src/main.js'
import { ask } from './support/ask.js'
import { fakeIo } from './support/fake-io.js'
import { portOf, spawnRelay } from './support/spawn-relay.js'

const free = ['--listen', '0', '--upstream', '0']

async function relayPort(out: { with(text: string): Promise<string> }): Promise<number> {
  return portOf((await out.with('client → relay')).split(' → echo')[0])
}

test('measures every kind of session, then shows the ones of its visitors', async () => {
  const { child, out, err, exit } = spawnRelay('demo', ...free)
  const port = await relayPort(out)
  expect(await out.with('live 0   sessions 102')).toBe('  live 0   sessions 102   up 16.1MiB   down 16.1MiB')
  const rows = out.all.filter((line) => line.endsWith('every byte checked'))
  expect(rows.map((row) => row.trim().split(/ {2,}/).slice(0, 3))).toEqual([
    ['a small request and its answer', '18B', '18B'],
    ['16 MiB up, and the echo of it', '16MiB', '16MiB'],
    ['FIN at once, the answer 500 ms later', '16B', '27B'],
    ['100 sessions of 1 KiB at the same time', '100KiB', '100KiB'],
  ])
  expect(out.all).toContain(`  nc 127.0.0.1 ${port}`)
  expect(await ask(port, 'hello')).toBe('hello')
  await out.with('sessions 103')
  child.kill('SIGINT')
  expect(await exit).toBe(0)
  expect(out.all.at(-1)).toBe('stopped')
  expect(err.all).toEqual([])
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops it with 0, also before it has measured',
  async (signal) => {
    const { child, out, exit } = spawnRelay('demo', ...free)
    await out.with('client → relay')
    child.kill(signal)
    expect(await exit).toBe(0)
  },
)

test('refreshes one line on a terminal', async () => {
  const io = fakeIo({ isTTY: true })
  const exit = run(['demo', ...free], io)
  const port = await relayPort(io.out)
  await io.out.with('--help')
  await ask(port, 'hello')
  io.send('SIGINT')
  expect(await exit).toBe(0)
  const refreshed = io.out.all.filter((line) => line.includes('live'))
  expect(refreshed).toHaveLength(1)
  expect(refreshed[0]?.startsWith('\r\u001b[2K  live')).toBe(true)
})

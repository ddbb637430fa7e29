import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from './real/support/servers.js'
import { bin } from './support/spawn-relay.js'

// Who opens a FIFO without a writer, as who asks a disk that does not answer, has one of Node's threads wait for ever.
const program = `
  const { endProcess } = await import(process.argv[1])
  const { open } = await import('node:fs')
  if (process.argv[3]) open(process.argv[3], 'r', () => {})
  await endProcess(Number(process.argv[2]))`

function end(exitCode: number, fifo = ''): Promise<unknown[]> {
  const module = new URL('../dist/end-process.js', `file://${bin}`).href
  const args = ['--input-type=module', '-e', program, module, `${exitCode}`, fifo]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return once(child, 'exit')
}

test.each([0, 1, 2, 130, 143])('exits with %d', async (exitCode) => {
  expect(await end(exitCode)).toEqual([exitCode, null])
})

test.each([
  [0, 'SIGTERM'],
  [130, 'SIGINT'],
  [143, 'SIGTERM'],
] as const)('with %d, whatever a disk does: then by %s', async (exitCode, signal) => {
  const fifo = join(temporaryDirectory(), 'fifo')
  execFileSync('mkfifo', [fifo])
  expect(await end(exitCode, fifo)).toEqual([null, signal])
})

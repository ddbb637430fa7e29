import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { upstream } from '../../../core/test/support/upstream.js'

const POOL = new URL('../../dist/index.js', import.meta.url).href

/** Runs a script with a pool in a process of its own, and resolves with what it printed and how it ended. */
async function runs(script: string): Promise<{ readonly printed: string; readonly ended: unknown }> {
  const { target } = await upstream(() => {})
  const head = `import { connectionPool } from ${JSON.stringify(POOL)}; const target = ${JSON.stringify(target)};`
  const child = spawn(process.execPath, ['--input-type=module', '-e', head + script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Far beyond what any of them takes: whoever hangs is ended by this, with a signal for its end.
  const timer = setTimeout(() => child.kill('SIGKILL'), 8_000)
  onTestFinished(() => clearTimeout(timer))
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  const [code, signal] = await once(child, 'close')
  return { printed, ended: code ?? signal }
}

test.each([
  ['given back', "reuse: 'trust' }); await (await pool.borrow()).release(); console.log(pool.stats().idle)"],
  ['opened ahead', 'prewarm: 1 }); await pool.prewarm(1); console.log(pool.stats().idle)'],
])('a process ends though connections that were %s are idle in its pool', async (_what, script) => {
  expect(await runs(`const pool = connectionPool({ dial: target, ${script}`)).toEqual({
    printed: '1\n',
    ended: 0,
  })
})

test('a process does not end while a borrower waits for a connection that is lent', async () => {
  const script = `const pool = connectionPool({ dial: target, max: 1, reuse: 'trust' })
    const lease = await pool.borrow()
    setTimeout(() => lease.release(), 50).unref()
    const next = await pool.borrow()
    console.log('served')
    next.discard()`
  expect(await runs(script)).toEqual({ printed: 'served\n', ended: 0 })
})

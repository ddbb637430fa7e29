import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { ask } from '../support/ask.js'
import { echoPort, forward } from '../support/forward.js'

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
}

// What goes up meets them from left to right, and what the echo sends back from right to left.
test.each([
  ['--stage replace:a=b --stage replace:b=c', 'c c'],
  ['--up replace:a=b --up replace:b=c', 'c c'],
  ['--up replace:b=c --up replace:a=b', 'b c'],
  ['--down replace:a=b --down replace:b=c', 'b c'],
  ['--down replace:b=c --down replace:a=b', 'c c'],
  ['--up replace:a=x --down replace:x=y --stage replace:b=z', 'y z'],
  ['--down replace:x=y --up replace:a=x', 'y b'],
])('%s: "a b" comes back as %j', async (flags, answer) => {
  const { port } = await forward(await echoPort(), ...flags.split(' '))
  expect(await ask(port, 'a b')).toBe(answer)
})

test('--up and --down use one way of a stage whose ways share their state', async () => {
  const prefix = `${fixture('prefix.mjs')}:once`
  const { port } = await forward(await echoPort(), '--up', prefix)
  expect(await ask(port, 'hello')).toBe('once|hello')
  const other = await forward(await echoPort(), '--down', prefix)
  expect(await ask(other.port, 'hello')).toBe('hello<')
})

test('a stage that throws ends its session alone, and the line names it', async () => {
  const { io, port } = await forward(await echoPort(), '--stage', 'pass', '--stage', fixture('frail.mjs'))
  const steady = connect(port, '127.0.0.1')
  onTestFinished(() => {
    steady.destroy()
  })
  const heard = text(steady)
  steady.write('one,')
  await new Promise((resolve) => steady.once('data', resolve))

  await expect(ask(port, 'break')).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(await io.err.message('session closed')).toMatchObject({
    level: 'warn',
    reason: 'stage-error',
    stage: 'frail',
    direction: 'down',
    code: 'ERR_RELAY_STAGE',
    error: 'stage "frail" (down) failed: it was asked to',
  })

  steady.end('two')
  expect(await heard).toBe('one,two')
  expect(JSON.parse(await io.err.with('client-end'))).not.toHaveProperty('stage')
})

test('a stage that ends a session is named too', async () => {
  const { io, port } = await forward(await echoPort(), '--down', 'limit:3')
  expect(await ask(port, 'hello')).toBe('hel')
  expect(await io.err.message('session closed')).toMatchObject({
    level: 'warn',
    reason: 'stage-end',
    stage: 'limit',
    direction: 'down',
    down: 3,
  })
})

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { portOf, type RelayProcess, spawnRelay } from '../support/spawn-relay.js'

// A process of its own: in this one the test runner hears what nobody else does.

const unheard = fileURLToPath(new URL('../fixtures/unheard.mjs', import.meta.url))

async function relayOf(...flags: readonly string[]): Promise<RelayProcess & { port: number }> {
  const echo = spawnRelay('echo', '0')
  const upstream = portOf((await echo.err.message('listening')).listen)
  const relay = spawnRelay('forward', '0', `${upstream}`, ...flags)
  return { ...relay, port: portOf((await relay.err.message('listening')).listen) }
}

// It is not waited for: one that the relay resets at once may never have been connected, for all that a busy client knows.
function session(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

async function answer(socket: Socket, word: string): Promise<string> {
  socket.write(word)
  return String((await once(socket, 'data'))[0])
}

test.each([
  ['async-transform', 'up', 'async-transform'],
  ['timer-of-a-stream', 'up', 'timer-of-a-stream'],
  ['down', 'down', 'down'],
  ['nothing', 'up', 'undefined'],
  ['hidden', 'up', 'an error that cannot be shown'],
  ['hidden-throw', 'up', 'an error that cannot be shown'],
])('%s: ends its own session as stage-error, and no other', async (place, direction, text) => {
  const { err, port } = await relayOf('--stage', `${unheard}:${place}`)
  const other = session(port)
  expect(await answer(other, 'hello')).toBe('hello')
  const faulty = session(port)
  faulty.write('fail')
  expect(await err.message('session closed')).toMatchObject({
    ...{ level: 'warn', reason: 'stage-error', stage: 'unheard', direction },
    ...{ code: 'ERR_RELAY_STAGE', error: `stage "unheard" (${direction}) failed: ${text}` },
  })
  expect(await answer(other, 'still here')).toBe('still here')
})

test('in what opens a session it ends that one', async () => {
  const { err, port } = await relayOf('--stage', `${unheard}:opening`)
  const other = session(port)
  expect(await answer(other, 'hello')).toBe('hello')
  const faulty = session(port)
  faulty.write('x')
  expect(await err.message('session closed')).toMatchObject({ reason: 'stage-error', stage: 'unheard' })
  expect(await answer(other, 'still here')).toBe('still here')
})

test.each(['--up', '--down'])('%s: a stage whose open is async ends its session', async (flag) => {
  const { err, port } = await relayOf(flag, `${unheard}:late`)
  session(port)
  expect(await err.message('session closed')).toMatchObject({ reason: 'stage-error', stage: 'unheard' })
})

test.each(['close', 'signal'])(
  '%s: when its session is over it is logged, and ends no other',
  async (place) => {
    const { err, port } = await relayOf('--stage', `${unheard}:${place}`)
    const [other, ends] = [session(port), session(port)]
    expect(await answer(other, 'hello')).toBe('hello')
    ends.end('bye')
    expect(await err.message('stray error')).toMatchObject({
      level: 'error',
      error: place,
      at: expect.stringMatching(/unheard\.mjs:\d+:\d+/),
    })
    expect(await err.message('session closed')).toMatchObject({ reason: 'client-end' })
    expect(await answer(other, 'still here')).toBe('still here')
  },
)

test('one that cannot be looked at is logged, too', async () => {
  const { err, port } = await relayOf('--stage', `${unheard}:hidden-close`)
  const [other, ends] = [session(port), session(port)]
  ends.end('bye')
  expect(await err.message('stray error')).toMatchObject({ error: 'an error that cannot be shown' })
  expect(await answer(other, 'still here')).toBe('still here')
})

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { RelayResult } from '../../src/close-reason.js'
import { dialer } from '../../src/dialer.js'
import type { ConnectContext, Lease } from '../../src/lease.js'
import type { ReuseProof } from '../../src/reuse-proof.js'
import { createRelayServer, type RelayServer } from '../../src/server.js'
import { warnings } from '../support/warnings.js'

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable(new Error('gone'), {})
  revoke()
  return proxy
}
const withGetter = (key: string): Error =>
  Object.defineProperty(new Error('of policy'), key, {
    get() {
      throw new TypeError('not yet')
    },
  })

interface Served {
  readonly server: RelayServer
  readonly results: RelayResult[]
  client(): Socket
}

/** A relay before an echo; its second client is given what `connectOf` makes of a good lease. */
async function served(
  connectOf: (lease: () => Promise<Lease>) => Promise<Lease>,
  options: { readonly maxDurationMs?: number } = {},
): Promise<Served> {
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket))
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const { port } = echo.address() as { port: number }
  const good = dialer({ host: '127.0.0.1', port })
  let asked = 0
  const results: RelayResult[] = []
  const server = createRelayServer({
    ...options,
    upstream: {
      connect: (context: ConnectContext) =>
        asked++ === 0 ? good.connect(context) : connectOf(() => good.connect(context)),
      close: async () => {},
      stats: () => ({}),
    },
    onClose: (_, result) => results.push(result),
  })
  await server.listen('127.0.0.1:0')
  onTestFinished(async () => {
    await server.close({ graceMs: 0 })
    await good.close()
    echo.close()
  })
  const client = (): Socket => {
    const socket = connect({ port: (server.address as { port: number }).port, host: '127.0.0.1' })
    onTestFinished(() => void socket.destroy())
    return socket.on('error', () => {})
  }
  return { server, results, client }
}

async function answer(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  return String((await once(socket, 'data'))[0])
}

test.each([
  ['an error whose code cannot be looked at', () => withGetter('code')],
  ['an error whose message cannot be looked at', () => withGetter('message')],
  ['a revoked proxy', revoked],
  ['an object that has no text', () => Object.create(null)],
  ['nothing', () => undefined],
])('a connector that rejects with %s ends that session, and no other', async (_, reason) => {
  const { results, client } = await served(() => Promise.reject(reason()))
  const other = client()
  expect(await answer(other, 'hello')).toBe('hello')
  client()
  await expect.poll(() => results[0]?.reason).toBe('connect-failed')
  expect(results[0]?.error).toMatchObject({ code: 'ERR_RELAY_CONNECT' })
  expect(await answer(other, 'still here')).toBe('still here')
})

const own = (lease: Lease, changed: Partial<Lease>): Lease => ({
  socket: lease.socket,
  origin: 'dialed',
  release: () => lease.release(),
  discard: (error) => lease.discard(error),
  detach: () => lease.detach(),
  [Symbol.dispose]: () => lease.discard(),
  ...changed,
})

const proof = (changed: object): ReuseProof => ({ up() {}, down: () => true, state: 'idle', ...changed })

test.each([
  ['up', { up: async () => Promise.reject(new Error('no look-up')) }],
  ['down', { down: async () => Promise.reject(new Error('no look-up')) }],
  ['up', { up: async () => {} }],
])(
  'a proof whose %s is asynchronous has lost track: its connection is not shared',
  async (method, changed) => {
    const heard = warnings()
    const endings: string[] = []
    const { client, results } = await served(async (good) => {
      const lease = await good()
      const note = (how: string): void => void endings.push(how)
      return own(lease, {
        proof: proof(changed),
        release: async () => note('released'),
        discard: (error) => {
          note('discarded')
          lease.discard(error)
        },
      })
    })
    const other = client()
    expect(await answer(other, 'hello')).toBe('hello')
    const faulty = client()
    expect(await answer(faulty, 'hello')).toBe('hello')
    faulty.end()
    await expect.poll(() => results.length).toBe(1)
    expect(endings).toEqual(['discarded'])
    expect(heard.map(({ message }) => message)).toEqual([
      `expected "${method}" of a proof to return at once, got a promise`,
    ])
    expect(await answer(other, 'still here')).toBe('still here')
  },
)

const neverReleased = async (good: () => Promise<Lease>): Promise<Lease> => {
  const lease = await good()
  onTestFinished(() => lease.discard())
  return own(lease, { proof: proof({}), release: () => new Promise(() => {}) })
}

test('a session whose lease is never done with its release ends when it is killed', async () => {
  const { client, results, server } = await served(neverReleased)
  const other = client()
  expect(await answer(other, 'hello')).toBe('hello')
  const faulty = client()
  expect(await answer(faulty, 'hello')).toBe('hello')
  faulty.end()
  await once(faulty, 'close')
  const [, { id } = { id: '' }] = server.sessions()
  expect(server.kill(id)).toBe(true)
  await expect.poll(() => results[0]?.reason).toBe('client-end')
  expect(server.stats().active).toBe(1)
})

test('it ends by itself after five seconds, and a warning says so', async () => {
  const heard = warnings()
  const { client, results } = await served(neverReleased)
  expect(await answer(client(), 'hello')).toBe('hello')
  const faulty = client()
  expect(await answer(faulty, 'hello')).toBe('hello')
  faulty.end()
  await expect.poll(() => results[0]?.reason, { timeout: 20_000 }).toBe('client-end')
  expect(heard.map(({ message }) => message)).toEqual([
    expect.stringContaining('has not settled within 5000 ms'),
  ])
})

test('maxDurationMs counts from the accept, and cuts a session that still waits for its connection', async () => {
  const { client, results } = await served(() => new Promise(() => {}), { maxDurationMs: 300 })
  client()
  client()
  await expect.poll(() => results.map(({ reason }) => reason)).toEqual(['max-duration', 'max-duration'])
})

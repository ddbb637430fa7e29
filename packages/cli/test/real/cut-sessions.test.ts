import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { bin } from '../support/spawn-relay.js'
import { Child, type Exit } from './support/child.js'
import { listen, open, received } from './support/node-peers.js'
import { temporaryDirectory } from './support/servers.js'

const stray = fileURLToPath(new URL('../fixtures/stray.mjs', import.meta.url))
const RESET = { client: 'reset', upstream: 'reset' }

type Line = Readonly<Record<string, unknown>>

/** A client and its upstream, in the middle of a question and of its answer. */
interface Session {
  readonly client: Socket
  readonly upstream: Socket
  /** How each of them saw it end. */
  readonly ends: Promise<{ readonly client: string; readonly upstream: string }>
}

/** A `relay forward` whose upstream is this process. */
class Relay {
  readonly child: Child
  readonly #where: number | string
  readonly #upstream: Upstream

  private constructor(child: Child, where: number | string, upstream: Upstream) {
    this.child = child
    this.#where = where
    this.#upstream = upstream
  }

  static async start(flags: readonly string[], folder?: string): Promise<Relay> {
    const upstream = new Upstream()
    const path = folder && join(folder, 'upstream')
    const port = await listen((socket) => upstream.accept(socket), path === undefined ? {} : { path })
    const [near, far] = folder === undefined ? ['0', `${port}`] : [`unix:${folder}/relay`, `unix:${path}`]
    const child = new Child(process.execPath, [bin, 'forward', near, far, ...flags])
    await child.printed(({ stderr }) => stderr.includes('"listening"'))
    const at = String(linesOf(child.stderr)[0]?.listen)
    return new Relay(child, folder === undefined ? Number(at.split(':')[1]) : `${folder}/relay`, upstream)
  }

  get lines(): readonly Line[] {
    return linesOf(this.child.stderr)
  }

  get sessionLines(): readonly Line[] {
    return this.lines.filter(({ msg }) => msg === 'session closed')
  }

  says(text: string): Promise<void> {
    return this.child.printed(({ stderr }) => stderr.includes(text))
  }

  async session(): Promise<Session> {
    const served = this.#upstream.next()
    const client = open(this.#where)
    const near = received(client)
    client.write('half a question')
    const { socket: upstream, ended: far } = await served
    upstream.write('half an answer')
    await once(client, 'data')
    const ends = Promise.all([near, far]).then(([{ ending }, other]) => ({
      client: ending,
      upstream: other.ending,
    }))
    return { client, upstream, ends }
  }

  sessions(count: number): Promise<Session[]> {
    return Array.from({ length: count }).reduce<Promise<Session[]>>(
      async (before) => [...(await before), await this.session()],
      Promise.resolve([]),
    )
  }
}

/** Its connections may be there before their clients: which one serves a client is told by the first byte. */
class Upstream {
  #onServed: (served: { socket: Socket; ended: ReturnType<typeof received> }) => void = () => {}

  accept(socket: Socket): void {
    const ended = received(socket)
    socket.once('data', () => this.#onServed({ socket, ended }))
  }

  next(): Promise<{ socket: Socket; ended: ReturnType<typeof received> }> {
    return new Promise((resolve) => {
      this.#onServed = resolve
    })
  }
}

function linesOf(text: string): readonly Line[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line)
}

/** A stop that waits for sessions, and then no longer. */
async function forceStop(relay: Relay): Promise<Exit> {
  relay.child.kill('SIGTERM')
  await relay.says('"draining"')
  relay.child.kill('SIGINT')
  return relay.child.exit
}

describe('a second signal', () => {
  test.each([
    ['plain', []],
    ['with a stage', ['--stage', 'pass', '--down', 'delay:1ms']],
    ['with prewarmed connections', ['--prewarm', '2']],
    ['with pooled connections', ['--reuse', 'redis']],
    ['with two workers', ['--workers', '2']],
  ] as const)('%s: resets both sides of each session, says so, and exits with 130', async (_name, flags) => {
    const relay = await Relay.start(flags)
    const sessions = await relay.sessions(5)
    expect(await forceStop(relay)).toEqual({ code: 130, signal: null })
    for (const { ends } of sessions) expect(await ends).toEqual(RESET)
    expect(relay.sessionLines).toHaveLength(5)
    for (const line of relay.sessionLines) expect(line).toMatchObject({ reason: 'draining', level: 'warn' })
    expect(relay.lines.at(-1)).toMatchObject({ msg: 'stopped', accepted: 5, closed: { draining: 5 } })
  })

  test('resets both sides when the client had sent its FIN', async () => {
    const relay = await Relay.start([])
    const { client, upstream, ends } = await relay.session()
    client.end()
    await once(upstream, 'end')
    await forceStop(relay)
    // Its own stream was whole, and its upstream was told so.
    expect(await ends).toEqual({ client: 'reset', upstream: 'fin' })
  })

  test('resets a client that has no upstream yet', async () => {
    // Accepts TCP, and says nothing to TLS.
    const silent = await listen(() => {})
    const child = new Child(process.execPath, [bin, 'forward', '0', `tls://127.0.0.1:${silent}`])
    await child.printed(({ stderr }) => stderr.includes('"listening"'))
    const client = open(Number(String(linesOf(child.stderr)[0]?.listen).split(':')[1]))
    const ended = received(client)
    await once(client, 'connect')
    child.kill('SIGTERM')
    await child.printed(({ stderr }) => stderr.includes('"draining"'))
    child.kill('SIGINT')
    expect(await child.exit).toEqual({ code: 130, signal: null })
    expect((await ended).ending).toBe('reset')
    expect(linesOf(child.stderr).map(({ msg }) => msg)).toEqual([
      'listening',
      'draining',
      'session closed',
      'stopped',
    ])
  })

  test('ends the sessions of unix sockets, which know no reset', async () => {
    const relay = await Relay.start([], temporaryDirectory())
    const { ends } = await relay.session()
    expect(await forceStop(relay)).toEqual({ code: 130, signal: null })
    expect(await ends).toEqual({ client: 'fin', upstream: 'fin' })
    expect(relay.lines.at(-1)).toMatchObject({ msg: 'stopped', closed: { draining: 1 } })
  })

  test('has the session lines in the access log', async () => {
    const file = join(temporaryDirectory(), 'access.log')
    const relay = await Relay.start(['--access-log', file])
    await relay.sessions(10)
    await forceStop(relay)
    expect(linesOf(readFileSync(file, 'utf8')).map(({ reason }) => reason)).toEqual(
      Array(10).fill('draining'),
    )
  })

  test('resets the clients of an echo', async () => {
    const child = new Child(process.execPath, [bin, 'echo', '0'])
    await child.printed(({ stderr }) => stderr.includes('"listening"'))
    const client = open(Number(String(linesOf(child.stderr)[0]?.listen).split(':')[1]))
    const ended = received(client)
    client.write('half a question')
    await once(client, 'data')
    child.kill('SIGTERM')
    expect(await child.exit).toEqual({ code: 0, signal: null })
    expect((await ended).ending).toBe('reset')
  })

  test('resets the clients of a demo', async () => {
    const child = new Child(process.execPath, [bin, 'demo', '--listen', '0', '--upstream', '0'])
    await child.printed(({ stdout }) => stdout.includes('Try next'))
    const client = open(Number(/relay 127\.0\.0\.1:(\d+)/.exec(child.stdout.toString())?.[1]))
    const ended = received(client)
    client.write('half a question')
    await once(client, 'data')
    child.kill('SIGTERM')
    child.kill('SIGINT')
    expect((await child.exit).code).toBeGreaterThanOrEqual(130)
    expect((await ended).ending).toBe('reset')
  })
})

describe('a process that leaves by itself', () => {
  test.each([
    ['for an error that nobody caught', 'stray', 1],
    ['for an exit in a stage', 'leave', 7],
  ])('%s: resets both sides of each session', async (_name, word, code) => {
    const relay = await Relay.start(['--stage', stray, '--on-stray-error', 'exit'])
    const sessions = await relay.sessions(5)
    sessions[0]?.client.write(word)
    expect((await relay.child.exit).code).toBe(code)
    for (const { ends } of sessions) expect(await ends).toEqual(RESET)
  })
})

describe.runIf(process.platform === 'linux')('of two workers', () => {
  const ofWorkers = async (...flags: readonly string[]): Promise<{ relay: Relay; sessions: Session[] }> => {
    const relay = await Relay.start(['--workers', '2', ...flags])
    return { relay, sessions: await relay.sessions(8) }
  }

  test('one that its own error ends resets its sessions', async () => {
    const { relay, sessions } = await ofWorkers('--stage', stray, '--on-stray-error', 'exit')
    sessions[0]?.client.write('stray')
    await relay.says('"worker exited"')
    expect(await sessions[0]?.ends).toEqual(RESET)
    relay.child.kill('SIGKILL')
  })

  test('all reset their sessions when their primary is killed, and say so', async () => {
    const file = join(temporaryDirectory(), 'access.log')
    const { relay, sessions } = await ofWorkers('--access-log', file)
    relay.child.kill('SIGKILL')
    for (const { ends } of sessions) expect(await ends).toEqual(RESET)
    await expect.poll(() => linesOf(readFileSync(file, 'utf8')).length).toBe(8)
  })
})

// Node cannot set SO_LINGER on a socket beforehand, so what a kernel does for a process that is gone cannot be told to it.
test('a relay that is killed from outside ends its sessions as the kernel does: whole, unless something was unread', async () => {
  const relay = await Relay.start([])
  const { ends } = await relay.session()
  relay.child.kill('SIGKILL')
  expect(await ends).toEqual({ client: 'fin', upstream: 'fin' })
})

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ReuseProof } from '@relay/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redis } from '../../src/rules/redis.js'
import { command, line } from './redis-support.js'

// The first is what the gate installs; the second knows what came after 7.0, where there is one.
const servers = ['redis-server', 'valkey-server'].map((name) => ({
  name,
  installed: spawnSync(name, ['--version']).status === 0,
}))
const rule = redis()
const RESET = rule.reset?.send ?? Buffer.alloc(0)

let port = 0
let server: ChildProcess
let directory = ''
/** It has lib-name and lib-ver: Redis from 7.2 on, Valkey. */
let hasLibrary = false
const wires: Wire[] = []

/** One connection to the real server, watched by a proof. */
class Wire {
  readonly proof: ReuseProof = rule.open()
  readonly #socket: Socket
  #received = ''
  #answered: () => void = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      expect(this.proof.down(chunk)).toBe(true)
      this.#received += chunk.toString('latin1')
      if (this.proof.state !== 'busy') this.#answered()
    })
  }

  static async open(): Promise<Wire> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const wire = new Wire(socket)
    wires.push(wire)
    return wire
  }

  /** Sends requests and resolves with the bytes that answer them, when the proof has seen the last. */
  async ask(...requests: readonly (string | Buffer)[]): Promise<string> {
    this.#received = ''
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve
    })
    const bytes = Buffer.concat(
      requests.map((request) => (typeof request === 'string' ? line(request) : request)),
    )
    this.proof.up(bytes)
    this.#socket.write(bytes)
    await answered
    return this.#received
  }

  async info(): Promise<Record<string, string>> {
    const answer = await this.ask('CLIENT INFO')
    const fields = answer.slice(answer.indexOf('id=')).trim().split(' ')
    return Object.fromEntries(
      fields.map((field) => field.split(/=(.*)/s)).map(([name, value]) => [name, value ?? '']),
    )
  }

  /** What comes unasked within a moment. */
  async overhear(): Promise<string> {
    this.#received = ''
    await delay(100)
    return this.#received
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Which tell how much and when, not what state: a next session sees them change by its own doing. */
const traffic = [
  'age',
  'idle',
  'cmd',
  'events',
  'qbuf',
  'qbuf-free',
  'argv-mem',
  'multi-mem',
  'rbs',
  'rbp',
  'obl',
  'oll',
]
const counters = ['omem', 'tot-mem', 'tot-net-in', 'tot-net-out', 'tot-cmds', 'io-thread', 'read-events']

function stateIn(info: Record<string, string>): Record<string, string> {
  const named = Object.entries(info).filter(([name]) => !traffic.includes(name) && !counters.includes(name))
  return Object.fromEntries(named)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const found = (probe.address() as AddressInfo).port
  probe.close()
  await once(probe, 'close')
  return found
}

for (const { name, installed } of servers)
  describe.skipIf(!installed)(`redis() with a real ${name}`, () => {
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'redis-rule-'))
      port = await freePort()
      const options = [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--dir',
        directory,
      ]
      server = spawn(name, options, { stdio: ['ignore', 'pipe', 'inherit'] })
      for await (const chunk of server.stdout ?? []) if (String(chunk).includes('Ready to accept')) break
      const admin = await Wire.open()
      await admin.ask('ACL SETUSER alice on >pw ~* +@all')
      await admin.ask('ACL SETUSER bob on >pw ~* +@read')
      hasLibrary = 'lib-name' in (await admin.info())
      admin.close()
    })

    afterEach(() => {
      for (const wire of wires.splice(0)) wire.close()
    })

    afterAll(async () => {
      if (server.exitCode === null) {
        server.kill()
        await once(server, 'exit')
      }
      rmSync(directory, { recursive: true, force: true })
    })

    const library = ['CLIENT SETINFO lib-name ioredis', 'CLIENT SETINFO lib-ver 6.0.0']
    const sessions: readonly (readonly string[])[] = [
      ['HELLO 3'],
      ['HELLO 3 AUTH alice pw SETNAME me'],
      ['AUTH alice pw'],
      ['SELECT 3'],
      ['CLIENT SETNAME me'],
      [...library, 'SELECT 3'],
      [...library, 'MULTI', 'GET', 'EXEC'],
      ['MULTI', ...library, 'EXEC', 'WATCH a'],
      ['CLIENT NO-TOUCH ON'],
      ['WATCH a b c'],
      ['MULTI', 'SELECT 5', 'CLIENT SETNAME me', 'EXEC'],
      ['READONLY', 'ASKING', 'READWRITE'],
      ['HELLO 3 AUTH alice pw SETNAME me', 'SELECT 7', 'CLIENT NO-TOUCH ON', 'WATCH a'],
    ]
    for (const session of sessions) {
      it(`leaves a fresh connection after ${session.join(', ')} and the reset`, async () => {
        const wire = await Wire.open()
        const fresh = stateIn(await wire.info())
        expect(Object.keys(fresh)).toEqual(
          expect.arrayContaining([
            'id',
            'name',
            'flags',
            'db',
            'sub',
            'psub',
            'ssub',
            'multi',
            'user',
            'redir',
            'resp',
          ]),
        )
        await wire.ask(...session)
        expect(wire.proof.state).toBe('dirty')
        expect(await wire.ask(RESET)).toMatch(/\+RESET\r\n$/)
        expect(wire.proof.state).toBe('idle')
        expect(stateIn(await wire.info())).toEqual(fresh)
        expect(wire.proof.state).toBe('idle')
      })
    }

    const unproved: readonly (readonly string[])[] = [
      ['MULTI', 'GET a', 'SELECT 5', 'CLIENT SETNAME me'],
      ['MULTI', ...library],
      [...library, 'MULTI'],
      [...library, 'AUTH bob pw'],
      [...library, 'AUTH bob pw', 'WATCH a', 'MULTI', 'GET a'],
    ]
    for (const session of unproved) {
      it(`keeps no connection whose reset could not empty lib-name: ${session.join(', ')}`, async () => {
        const wire = await Wire.open()
        const fresh = stateIn(await wire.info())
        await wire.ask(...session)
        expect(wire.proof.state).toBe('dirty')
        expect(await wire.ask(RESET)).toMatch(/\+RESET\r\n$/)
        // Where it has no such name there is nothing to empty.
        expect(wire.proof.state).toBe(hasLibrary ? 'tainted' : 'idle')
        if (!hasLibrary) expect(stateIn(await wire.info())).toEqual(fresh)
      })
    }

    it('needs no reset after a CLIENT SETINFO that was refused', async () => {
      const wire = await Wire.open()
      const fresh = stateIn(await wire.info())
      await wire.ask(...library)
      expect(wire.proof.state).toBe(hasLibrary ? 'dirty' : 'idle')
      await wire.ask(RESET)
      await wire.ask(command('CLIENT', 'SETINFO', 'LIB-NAME', 'with a space'))
      expect(wire.proof.state).toBe('idle')
      expect(stateIn(await wire.info())).toEqual(fresh)
    })

    it('needs no reset after a transaction that ended', async () => {
      const wire = await Wire.open()
      const fresh = stateIn(await wire.info())
      for (const session of [
        ['WATCH a', 'MULTI', 'SET a b', 'EXEC'],
        ['WATCH a', 'MULTI', 'SET a b', 'DISCARD'],
      ]) {
        await wire.ask(...session)
        expect(wire.proof.state).toBe('idle')
        expect(stateIn(await wire.info())).toEqual(fresh)
      }
      await wire.ask('WATCH a', 'MULTI', 'GET')
      await (await Wire.open()).ask('SET a c')
      await wire.ask('EXEC')
      expect(wire.proof.state).toBe('dirty')
    })

    it('forgets over the reset which keys were watched', async () => {
      const wire = await Wire.open()
      await wire.ask('WATCH watched')
      await wire.ask(RESET)
      await (await Wire.open()).ask('SET watched 1')
      expect(await wire.ask('MULTI', 'GET watched', 'EXEC')).toMatch(/\*1\r\n\$1\r\n1\r\n$/)
    })

    it('logs out over the reset when the server asks for a password', async () => {
      const wire = await Wire.open()
      const admin = await Wire.open()
      await admin.ask('CONFIG SET requirepass secret')
      try {
        await wire.ask('AUTH secret', 'SET a b')
        await wire.ask(RESET)
        expect(wire.proof.state).toBe('idle')
        expect(await wire.ask('GET a')).toMatch(/^-NOAUTH/)
        expect(await (await Wire.open()).ask('GET a')).toMatch(/^-NOAUTH/)
      } finally {
        await admin.ask(command('CONFIG', 'SET', 'requirepass', ''))
      }
    })

    it('is tainted by CLIENT TRACKING, for the server tells a later session what an earlier one read', async () => {
      const wire = await Wire.open()
      await wire.ask('HELLO 3', 'CLIENT TRACKING ON', 'GET secret')
      expect(wire.proof.state).toBe('tainted')
      await wire.ask('RESET', 'HELLO 3', 'CLIENT TRACKING ON')
      await (await Wire.open()).ask('SET secret 1')
      // Should this ever fail, RESET has learned to clean the table, and tracking may become dirty.
      expect(await wire.overhear()).toContain('invalidate')
    })

    it('is tainted by CLIENT NO-EVICT, which servers before 7.2 keep over RESET', async () => {
      const wire = await Wire.open()
      await wire.ask('CLIENT NO-EVICT ON')
      expect(wire.proof.state).toBe('tainted')
    })

    it('holds no state after a script that tried to leave some', async () => {
      const wire = await Wire.open()
      const fresh = stateIn(await wire.info())
      const tries = [
        "'select',3",
        "'client','setname','x'",
        "'hello','3'",
        "'auth','alice','pw'",
        "'multi'",
        "'watch','a'",
      ]
      for (const call of [
        ...tries,
        "'subscribe','c'",
        "'client','reply','off'",
        "'monitor'",
        "'client','tracking','on'",
      ]) {
        await wire.ask(command('EVAL', `redis.setresp(3) redis.pcall(${call}) return 1`, '0'))
        expect(wire.proof.state, call).toBe('idle')
        expect(stateIn(await wire.info()), call).toEqual(fresh)
      }
    })

    it('is right about every command it calls stateless: one answer, and nothing left', async () => {
      const listing = await Wire.open()
      const names = [...(await listing.ask('COMMAND LIST')).matchAll(/\r\n([a-z][a-z_|-]+)\r\n/g)].map(
        (match) => match[1] ?? '',
      )
      expect(names.length).toBeGreaterThan(200)
      const wire = await Wire.open()
      const fresh = stateIn(await wire.info())
      let stateless = 0
      for (const name of names) {
        for (let extra = 0; extra < 6; extra++) {
          const request = line([...name.split('|'), ...Array<string>(extra).fill('x')].join(' '))
          const proof = rule.open()
          proof.up(request)
          proof.down(Buffer.from('+OK\r\n'))
          if (proof.state !== 'idle' || name === 'reset' || name === 'exec' || name === 'discard') continue
          stateless++
          await wire.ask(request)
          expect(wire.proof.state, `${name} with ${extra} arguments`).toBe('idle')
          expect(await wire.ask('PING'), `${name} with ${extra} arguments`).toBe('+PONG\r\n')
        }
      }
      expect(stateless).toBeGreaterThan(1_000)
      expect(stateIn(await wire.info())).toEqual(fresh)
    })
  })

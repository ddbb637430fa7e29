import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { dialer } from '../src/dialer.js'
import { createRelayServer, type RelayServer, type RelayServerOptions } from '../src/server.js'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'relay-socket-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

function server(options: Partial<RelayServerOptions> = {}): RelayServer {
  const made = createRelayServer({ upstream: dialer({ path: '/nowhere' }), ...options })
  onTestFinished(() => made.close({ graceMs: 0 }))
  return made
}

/** A socket whose process was killed. */
async function staleSocket(path: string): Promise<void> {
  const listen = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', listen, path]), 'exit')
  expect(lstatSync(path).isSocket()).toBe(true)
}

async function connects(path: string): Promise<boolean> {
  const socket = connect(path)
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  })
  socket.destroy()
  return connected
}

test('the folder has the one file while it listens, and none after', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'socket')
  const one = server()
  expect(await one.listen({ path })).toEqual({ path })
  expect(readdirSync(folder)).toEqual(['socket'])
  expect(await connects(path)).toBe(true)
  await one.close()
  expect(readdirSync(folder)).toEqual([])
})

test('a path of the largest length will do', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 's'.repeat(107 - folder.length - 1))
  const one = server()
  await one.listen({ path })
  expect(await connects(path)).toBe(true)
})

test('a successor that has taken the path keeps its socket', async () => {
  const path = join(temporaryFolder(), 'socket')
  const [old, next] = [server(), server()]
  await old.listen({ path })
  rmSync(path)
  await next.listen({ path })
  await old.close()
  expect(await connects(path)).toBe(true)
  await next.close()
  expect(existsSync(path)).toBe(false)
})

test('a socket that nobody listens on is replaced', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'socket')
  await staleSocket(path)
  await server().listen({ path })
  expect(await connects(path)).toBe(true)
  expect(readdirSync(folder)).toEqual(['socket'])
})

test('a socket that somebody listens on is in use, and stays', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'socket')
  const first = createServer((socket) => socket.destroy()).listen(path)
  await once(first, 'listening')
  onTestFinished(() => void first.close())
  const inode = statSync(path).ino
  const second = server()
  await expect(second.listen({ path })).rejects.toMatchObject({
    code: 'ERR_RELAY_LISTEN',
    cause: { code: 'EADDRINUSE' },
  })
  expect([readdirSync(folder), statSync(path).ino]).toEqual([['socket'], inode])
  expect(await connects(path)).toBe(true)
  await new Promise((resolve) => first.close(resolve))
  // It can be called again.
  await second.listen({ path })
  expect(await connects(path)).toBe(true)
})

test.each(['file', 'folder', 'link'])('a %s at the path is never deleted', async (kind) => {
  const folder = temporaryFolder()
  const path = join(folder, 'precious')
  if (kind === 'file') writeFileSync(path, 'data')
  else if (kind === 'folder') mkdirSync(path)
  else symlinkSync('/nowhere/at/all', path)
  await expect(server().listen({ path })).rejects.toMatchObject({ cause: { code: 'EEXIST' } })
  expect(readdirSync(folder)).toEqual(['precious'])
  if (kind === 'file') expect(readFileSync(path, 'utf8')).toBe('data')
})

test('of many that start at once on a stale socket, one listens, and the others say that it is in use', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'socket')
  for (let round = 0; round < 20; round++) {
    await staleSocket(path)
    const servers = Array.from({ length: 8 }, () => server())
    const results = await Promise.allSettled(servers.map((one) => one.listen({ path })))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ cause: { code: 'EADDRINUSE' } })
    }
    expect(readdirSync(folder)).toEqual(['socket'])
    expect(await connects(path)).toBe(true)
    await Promise.all(servers.map((one) => one.close()))
    expect(readdirSync(folder)).toEqual([])
  }
})

test('one that was killed while it took a path over stops nobody for long', { timeout: 20_000 }, async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'socket')
  await staleSocket(path)
  // Its claim.
  linkSync(path, `${path}.${statSync(path).ino}.stale`)
  let failures = 0
  await expect
    .poll(
      () =>
        server()
          .listen({ path })
          .then(
            () => 'listens',
            () => `${failures++} times not`,
          ),
      { timeout: 15_000, interval: 100 },
    )
    .toBe('listens')
  expect(failures).toBeGreaterThan(0)
  expect(readdirSync(folder)).toEqual(['socket'])
})

test('a folder that is missing is named', async () => {
  const folder = join(temporaryFolder(), 'missing')
  await expect(server().listen({ path: join(folder, 'socket') })).rejects.toMatchObject({
    message: expect.stringContaining(folder),
    cause: { code: 'ENOENT' },
  })
})

test.each([0o600, 0o660, 0o777])(
  'the socket has its mode (%o) before anybody can connect',
  async (unixMode) => {
    const path = join(temporaryFolder(), 'socket')
    const one = server({ unixMode })
    await one.listen({ path })
    expect(statSync(path).mode & 0o777).toBe(unixMode)
  },
)

test('its mode is that of a socket of this process without the option', async () => {
  const path = join(temporaryFolder(), 'socket')
  await server().listen({ path })
  expect(statSync(path).mode & 0o777).toBe(0o777 & ~process.umask())
})

test('a mode that is none is refused', () => {
  expect(() => server({ unixMode: 0o1777 })).toThrow(/unixMode.*file mode/)
})

test('closed while it begins to listen, it leaves no file', async () => {
  const folder = temporaryFolder()
  const one = server()
  const listening = one.listen({ path: join(folder, 'socket') })
  const refused = expect(listening).rejects.toMatchObject({ code: 'ERR_RELAY_CLOSED' })
  await one.close({ graceMs: 0 })
  await refused
  expect(readdirSync(folder)).toEqual([])
})

test('a folder that does not let us is a permission that is denied', async () => {
  if (process.getuid?.() === 0) return
  const folder = temporaryFolder()
  chmodSync(folder, 0o500)
  onTestFinished(() => chmodSync(folder, 0o700))
  await expect(server().listen({ path: join(folder, 'socket') })).rejects.toMatchObject({
    cause: { code: 'EACCES' },
  })
})

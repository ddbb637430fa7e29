import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './child.js'
import { program } from './programs.js'
import { freePort, startServer, temporaryDirectory } from './servers.js'

interface User {
  readonly uid: number
  readonly gid: number
}

/** Starts a PostgreSQL with TLS on a cluster of its own, trusting every client, and resolves with its port. */
export async function startPostgres(): Promise<number> {
  const user = unprivilegedUser()
  const folder = temporaryDirectory(user)
  const as = { cwd: folder, user }
  const data = join(folder, 'data')
  const initialize = ['--no-sync', '--no-locale', '--encoding=UTF8', '--auth=trust', '--username=postgres']
  await run(program('initdb'), [...initialize, `--pgdata=${data}`], as)
  const certificate = ['-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '2']
  const files = ['-keyout', join(data, 'server.key'), '-out', join(data, 'server.crt')]
  await run(program('openssl'), ['req', '-x509', ...certificate, ...files], as)

  const port = await freePort()
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    ssl: 'on',
    fsync: 'off',
    dynamic_shared_memory_type: 'mmap',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // SIGINT: clients are cut off, and it ends in order.
  await startServer(port, program('postgres'), ['-D', data, ...flags], { ...as, stopSignal: 'SIGINT' })
  return port
}

// PostgreSQL refuses to be run by root.
function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const fields = ['postgres', 'nobody'].map((name) => users.find((line) => line.startsWith(`${name}:`)))
  const [, , uid, gid] = (fields.find((line) => line !== undefined) ?? 'nobody:x:65534:65534').split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const installed = ['nginx', 'haproxy', 'curl'].every((name) => spawnSync(name, ['-v']).error === undefined)

/** Where a server is not installed a test may be skipped, but not where all are meant to run. */
export const withoutServers: boolean = !installed && process.env.CI !== 'true'

/** What `/file` holds. */
export const FILE: Buffer = Buffer.alloc(20 * 1024 * 1024, 'twenty mebibytes, not all alike: 0123456789 ')
for (let i = 0; i < FILE.length; i += 4096) FILE.writeUInt32BE(i, i)

/**
 * nginx and, in front of it, HAProxy, each on a port of its own. Both answer `/id/…` with the path itself; the rest
 * HAProxy hands to nginx.
 */
export class HttpServers {
  readonly nginx: number
  readonly haproxy: number
  readonly #directory: string
  readonly #processes: ChildProcess[] = []

  private constructor(nginx: number, haproxy: number) {
    this.nginx = nginx
    this.haproxy = haproxy
    this.#directory = mkdtempSync(join(tmpdir(), 'relay-http-'))
  }

  static async start(): Promise<HttpServers> {
    if (!installed) throw new Error('nginx, haproxy and curl are not all installed')
    const servers = new HttpServers(await freePort(), await freePort())
    try {
      await servers.#start()
    } catch (error) {
      await servers.stop()
      throw error
    }
    return servers
  }

  /** A file to send, and one that is too big for nginx. */
  get small(): string {
    return join(this.#directory, 'nginx.conf')
  }

  get big(): string {
    return join(this.#directory, 'big')
  }

  /** Connections that asked nginx for `/id/…` since the last call, and how often they did. */
  served(): { readonly connections: number; readonly requests: number } {
    const log = join(this.#directory, 'ids.log')
    const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean)
    writeFileSync(log, '')
    return { connections: new Set(lines).size, requests: lines.length }
  }

  async stop(): Promise<void> {
    for (const child of this.#processes.splice(0).reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #start(): Promise<void> {
    const directory = this.#directory
    mkdirSync(join(directory, 'root'))
    mkdirSync(join(directory, 'temp'))
    writeFileSync(join(directory, 'root', 'file'), FILE)
    writeFileSync(this.big, FILE.subarray(0, 2 * 1024 * 1024))
    writeFileSync(this.small, nginxConfig(directory, this.nginx))
    writeFileSync(join(directory, 'haproxy.cfg'), haproxyConfig(this.haproxy, this.nginx))
    const log = join(directory, 'error.log')
    await this.#run('nginx', ['-p', directory, '-e', log, '-c', this.small], this.nginx)
    await this.#run('haproxy', ['-db', '-f', join(directory, 'haproxy.cfg')], this.haproxy)
  }

  async #run(command: string, options: readonly string[], port: number): Promise<void> {
    const child = spawn(command, options, { stdio: 'ignore' })
    this.#processes.push(child)
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`${command} exited with ${child.exitCode}`)
      await sleep(20)
    }
  }
}

/** Runs curl; resolves with what it printed and its exit code. */
export function curl(options: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      'curl',
      ['-q', '-s', '--noproxy', '*', '--max-time', '20', ...options],
      { encoding: 'latin1', maxBuffer: 2 * FILE.length },
      (_error, out) => resolve({ code: child.exitCode ?? -1, out }),
    )
  })
}

function nginxConfig(directory: string, port: number): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/temp/${name};`)
    .join(' ')
  return `
    daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/error.log crit;
    events { worker_connections 512; }
    http {
      ${temp} access_log off; default_type text/plain; log_format id '$connection';
      server {
        listen 127.0.0.1:${port}; root ${directory}/root; client_max_body_size 1m;
        dav_methods PUT DELETE MKCOL COPY MOVE;
        location /id/ { access_log ${directory}/ids.log id; return 200 "$request_uri"; }
        location /none { return 204; }
      }
    }`
}

function haproxyConfig(port: number, nginx: number): string {
  return [
    'defaults',
    '  mode http',
    ...['connect', 'client', 'server'].map((name) => `  timeout ${name} 30s`),
    'frontend in',
    `  bind 127.0.0.1:${port}`,
    '  http-request return status 200 content-type text/plain lf-string "%[path]" if { path_beg /id/ }',
    '  default_backend out',
    'backend out',
    `  server nginx 127.0.0.1:${nginx}`,
    '',
  ].join('\n')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

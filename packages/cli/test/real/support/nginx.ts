import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { program } from './programs.js'
import { freePort, startServer, temporaryDirectory } from './servers.js'

/** A running nginx. What is in `pages/` of its folder can be got, and what is put to `uploads/` is there. */
export interface Nginx {
  readonly port: number
  readonly folder: string
}

export async function startNginx(): Promise<Nginx> {
  const port = await freePort()
  const folder = temporaryDirectory()
  for (const name of ['pages', 'uploads', 'temporary']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port))
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]
  await startServer(port, program('nginx'), args, { stopSignal: 'SIGQUIT' })
  return { port, folder }
}

// One process: when it is gone, no worker is left.
function configuration(folder: string, port: number): string {
  const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
    daemon off;
    master_process off;
    pid ${folder}/nginx.pid;
    error_log ${folder}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off;
      keepalive_requests 1000;
      ${temporaryPaths.map((name) => `${name}_temp_path ${folder}/temporary/${name};`).join('\n')}
      server {
        listen 127.0.0.1:${port};
        root ${folder};
        location /uploads/ { dav_methods PUT; client_max_body_size 100m; }
      }
    }
  `
}

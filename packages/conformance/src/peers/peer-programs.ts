import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { formatAddress } from '../address.js'
import type { PeerProgram } from './peer-program.js'

const RELAY = fileURLToPath(new URL('../../../cli/bin/relay.js', import.meta.url))
const NODE_PIPE = fileURLToPath(new URL('../../dist/peers/node-pipe.js', import.meta.url))
const NGINX_STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so'

/** The relays that the table compares, each in the setting that serves these claims best. */
export const peerPrograms: readonly PeerProgram[] = [
  relay('relay', 'relay forward', []),
  relay('relay-prewarm', 'relay forward `--prewarm 2`', ['--prewarm', '2']),
  relay('relay-stage', 'relay forward `--stage pass`', ['--stage', 'pass']),
  {
    id: 'haproxy',
    name: 'HAProxy',
    command: 'haproxy',
    version: { args: ['-v'], pattern: /version (\d[\d.]*)/ },
    start: (listen, upstream, folder) => ({
      args: ['-db', '-f', `${folder}/haproxy.cfg`],
      files: {
        'haproxy.cfg': `global
  maxconn 2000
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen relay
  bind ${formatAddress(listen)}
  server upstream ${formatAddress(upstream)}
`,
      },
    }),
  },
  nginx('nginx', 'nginx stream', ''),
  nginx('nginx-half-close', 'nginx stream `proxy_half_close on`', '\n    proxy_half_close on;'),
  {
    id: 'socat',
    name: 'socat `-t 3600`',
    command: 'socat',
    version: { args: ['-V'], pattern: /socat version (\d[\d.]*)/ },
    start: (listen, upstream) => ({
      args: [
        // After one side's end it waits that many seconds for the other; half a second by default.
        ...['-t', '3600'],
        `TCP-LISTEN:${listen.port},bind=${listen.host},reuseaddr,fork,backlog=1024,nodelay`,
        `TCP:${formatAddress(upstream)},nodelay`,
      ],
    }),
  },
  nodePipe('node-pipe', 'Node `pipe`, `allowHalfOpen: true`', 'true'),
]

/** A relay as one writes it in a minute, to see the suite fail. */
export const badRelay: PeerProgram = nodePipe('bad-relay', 'Node `pipe`, `allowHalfOpen: false`', 'false')

export function relay(id: string, name: string, flags: readonly string[]): PeerProgram {
  return {
    id,
    name,
    command: process.execPath,
    start: (listen, upstream) => ({
      args: [RELAY, 'forward', formatAddress(listen), formatAddress(upstream), ...flags],
    }),
  }
}

function nginx(id: string, name: string, extra: string): PeerProgram {
  return {
    id,
    name,
    command: 'nginx',
    version: { args: ['-v'], pattern: /nginx\/(\d[\d.]*)/ },
    start: (listen, upstream, folder) => ({
      args: ['-p', folder, '-e', 'stderr', '-c', `${folder}/nginx.conf`],
      files: {
        'nginx.conf': `${existsSync(NGINX_STREAM) ? `load_module ${NGINX_STREAM};\n` : ''}daemon off;
worker_processes 1;
error_log stderr crit;
pid ${folder}/nginx.pid;
events { worker_connections 2048; }
stream {
  server {
    listen ${formatAddress(listen)};
    proxy_pass ${formatAddress(upstream)};
    proxy_timeout 1h;${extra}
  }
}
`,
      },
    }),
  }
}

function nodePipe(id: string, name: string, halfOpen: string): PeerProgram {
  return {
    id,
    name,
    command: process.execPath,
    start: (listen, upstream) => ({
      args: [NODE_PIPE, formatAddress(listen), formatAddress(upstream), halfOpen],
    }),
  }
}

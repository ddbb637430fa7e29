import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Address, formatAddress, formatHostPort } from '../address.js'
import type { PeerProgram } from './peer-program.js'

const RELAY = fileURLToPath(new URL('../../../cli/bin/relay.js', import.meta.url))
const NODE_PIPE = fileURLToPath(new URL('../../dist/peers/node-pipe.js', import.meta.url))
const NGINX_STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so'

/** The relays that the tables compare, each in the setting that serves these claims best. */
export const peerPrograms: readonly PeerProgram[] = [
  relay('relay', 'relay forward', []),
  relay('relay-prewarm', 'relay forward `--prewarm 2`', ['--prewarm', '2']),
  relay('relay-stage', 'relay forward `--stage pass`', ['--stage', 'pass']),
  relay('relay-workers', 'relay forward `--workers 2`', ['--workers', '2']),
  {
    id: 'haproxy',
    name: 'HAProxy',
    command: 'haproxy',
    version: { args: ['-v'], pattern: /version (\d[\d.]*)/ },
    halfClose: ['forward'],
    servers: ['tcp', 'unix', 'tls'],
    start: ({ listen, upstream, folder }) => ({
      args: ['-db', '-f', `${folder}/haproxy.cfg`],
      files: {
        'haproxy.cfg': `global
  maxconn 8000
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen relay
  bind ${haproxyAddress(listen)} backlog 1024
  server upstream ${haproxyAddress(upstream)}${upstream.transport === 'tls' ? ' ssl verify none' : ''}
`,
      },
    }),
  },
  nginx('nginx', 'nginx stream', 'close'),
  nginx('nginx-half-close', 'nginx stream `proxy_half_close on`', 'forward'),
  {
    id: 'socat',
    name: 'socat `-t 3600`',
    command: 'socat',
    version: { args: ['-V'], pattern: /socat version (\d[\d.]*)/ },
    halfClose: ['forward'],
    servers: ['tcp', 'unix'],
    start: ({ listen, upstream }) => ({
      args: [
        // After one side's end it waits that many seconds for the other; half a second by default.
        ...['-t', '3600'],
        listen.transport === 'unix'
          ? `UNIX-LISTEN:${listen.path},fork,backlog=1024`
          : `TCP-LISTEN:${listen.port},bind=${listen.host},reuseaddr,fork,backlog=1024,nodelay`,
        upstream.transport === 'unix'
          ? `UNIX-CONNECT:${upstream.path}`
          : `TCP:${formatHostPort(upstream)},nodelay`,
      ],
    }),
  },
  nodePipe('node-pipe', 'Node `pipe`, `allowHalfOpen: true`', 'forward'),
]

/** A relay as one writes it in a minute, to see the suite fail. */
export const badRelay: PeerProgram = nodePipe('bad-relay', 'Node `pipe`, `allowHalfOpen: false`', 'close')

export function relay(id: string, name: string, flags: readonly string[]): PeerProgram {
  return {
    id,
    name,
    command: process.execPath,
    halfClose: ['forward', 'close'],
    servers: ['tcp', 'unix', 'tls'],
    start: ({ listen, upstream, halfClose, certificateFile }) => ({
      args: [
        ...[RELAY, 'forward', formatAddress(listen), formatAddress(upstream)],
        ...['--half-close', halfClose, ...flags],
      ],
      env: upstream.transport === 'tls' ? { NODE_EXTRA_CA_CERTS: certificateFile } : {},
    }),
  }
}

function nginx(id: string, name: string, halfClose: 'forward' | 'close'): PeerProgram {
  return {
    id,
    name,
    command: 'nginx',
    version: { args: ['-v'], pattern: /nginx\/(\d[\d.]*)/ },
    halfClose: [halfClose],
    servers: ['tcp', 'unix', 'tls'],
    start: ({ listen, upstream, folder }) => ({
      args: ['-p', folder, '-e', 'stderr', '-c', `${folder}/nginx.conf`],
      files: {
        'nginx.conf': `${existsSync(NGINX_STREAM) ? `load_module ${NGINX_STREAM};\n` : ''}daemon off;
${process.getuid?.() === 0 ? 'user root root;\n' : ''}worker_processes 1;
worker_rlimit_nofile 16384;
error_log stderr crit;
pid ${folder}/nginx.pid;
events { worker_connections 8192; }
stream {
  server {
    listen ${nginxAddress(listen)} backlog=1024;
    proxy_pass ${nginxAddress(upstream)};
    proxy_timeout 1h;${halfClose === 'forward' ? '\n    proxy_half_close on;' : ''}${upstream.transport === 'tls' ? '\n    proxy_ssl on;' : ''}
  }
}
`,
      },
    }),
  }
}

function nodePipe(id: string, name: string, halfClose: 'forward' | 'close'): PeerProgram {
  return {
    id,
    name,
    command: process.execPath,
    halfClose: [halfClose],
    servers: ['tcp', 'unix'],
    start: ({ listen, upstream }) => ({
      args: [NODE_PIPE, formatAddress(listen), formatAddress(upstream), String(halfClose === 'forward')],
    }),
  }
}

function haproxyAddress(address: Address): string {
  return address.transport === 'unix' ? `unix@${address.path}` : formatHostPort(address)
}

function nginxAddress(address: Address): string {
  return address.transport === 'unix' ? `unix:${address.path}` : formatHostPort(address)
}

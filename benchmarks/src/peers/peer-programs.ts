import { existsSync } from 'node:fs'
import { formatAddress } from '../processes/free-port.js'
import { repositoryFile } from '../repository-file.js'
import { fillTemplate } from './fill-template.js'
import { goRelay } from './go-relay.js'
import type { PeerProgram } from './peer-program.js'
import { relayProgram } from './relay-program.js'
import { stagePrograms } from './stage-programs.js'

const NGINX_STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so'
const NODE_VERSION = { command: process.execPath, args: ['--version'], pattern: /v(\d[\d.]*)/ }

const socat: PeerProgram = {
  id: 'socat',
  name: 'socat',
  ours: false,
  command: 'socat',
  speaksTls: true,
  version: { command: 'socat', args: ['-V'], pattern: /socat version (\d[\d.]*)/ },
  start: ({ listen, upstream, tls }) => ({
    args: [
      // Blocks of 64 KiB, not 8; and after one side's end it waits for the other, not half a second.
      ...['-b', '65536', '-t', '3600'],
      `TCP-LISTEN:${listen.port},bind=${listen.host},reuseaddr,fork,backlog=4096,nodelay`,
      tls
        ? `OPENSSL:${formatAddress(upstream)},cafile=${tls.authorityFile},commonname=${tls.name},verify=1,nodelay`
        : `TCP:${formatAddress(upstream)},nodelay`,
    ],
  }),
}

const nodePipe: PeerProgram = {
  id: 'pipe',
  name: 'Node `pipe`',
  ours: false,
  command: process.execPath,
  speaksTls: false,
  version: NODE_VERSION,
  start: ({ listen, upstream }) => ({
    args: [repositoryFile('benchmarks/peers/node-pipe.mjs'), formatAddress(listen), formatAddress(upstream)],
  }),
}

/** Every relay that can be compared; a workload takes those that say something about it. */
export const peerPrograms: readonly PeerProgram[] = [
  relayProgram('relay', 'relay', []),
  relayProgram('relay-prewarm', 'relay `--prewarm 64`', ['--prewarm', '64']),
  relayProgram('relay-reuse', 'relay `--reuse redis`', ['--reuse', 'redis']),
  relayProgram('relay-workers', 'relay `--workers 2`', ['--workers', '2']),
  haproxy('haproxy', 'HAProxy', 1),
  haproxy('haproxy-threads', 'HAProxy, 2 threads', 2),
  nginx('nginx', 'nginx stream', {}),
  nginx('nginx-workers', 'nginx stream, 2 workers', { workers: 2 }),
  nginx('nginx-64k', 'nginx stream, 64 KiB buffers', { buffer: 'proxy_buffer_size 64k;' }),
  socat,
  goRelay('go', 'Go `io.Copy`', []),
  goRelay('go-2048', 'Go, 2,048-byte buffer', ['2048']),
  nodePipe,
  ...stagePrograms,
]

/** What `--peers` takes. */
export const peerIds: readonly string[] = [
  ...peerPrograms.filter(({ ours }) => !ours).map(({ id }) => id),
  'direct',
]

function haproxy(id: string, name: string, threads: number): PeerProgram {
  return {
    id,
    name,
    ours: false,
    command: 'haproxy',
    speaksTls: true,
    version: { command: 'haproxy', args: ['-v'], pattern: /version (\d[\d.]*)/ },
    start: ({ listen, upstream, tls }, folder) => ({
      args: ['-db', '-f', `${folder}/haproxy.cfg`],
      files: {
        'haproxy.cfg': fillTemplate('haproxy.cfg', {
          threads: `${threads}`,
          listen: formatAddress(listen),
          upstream: formatAddress(upstream),
          tls: tls
            ? `ssl verify required ca-file ${tls.authorityFile} verifyhost ${tls.name} sni str(${tls.name})`
            : '',
        }),
      },
    }),
  }
}

function nginx(
  id: string,
  name: string,
  { workers = 1, buffer = '' }: { readonly workers?: number; readonly buffer?: string },
): PeerProgram {
  return {
    id,
    name,
    ours: false,
    command: 'nginx',
    speaksTls: true,
    version: { command: 'nginx', args: ['-v'], pattern: /nginx\/(\d[\d.]*)/ },
    start: ({ listen, upstream, tls }, folder) => ({
      args: ['-p', folder, '-e', 'stderr', '-c', `${folder}/nginx.conf`],
      files: {
        'nginx.conf': fillTemplate('nginx.conf', {
          load_module: existsSync(NGINX_STREAM) ? `load_module ${NGINX_STREAM};` : '',
          folder,
          workers: `${workers}`,
          listen: formatAddress(listen),
          upstream: formatAddress(upstream),
          buffer,
          tls: tls
            ? [
                'proxy_ssl on;',
                // 1.22 leaves TLS 1.3 out unless told, and a round trip is what is measured.
                'proxy_ssl_protocols TLSv1.2 TLSv1.3;',
                'proxy_ssl_verify on;',
                `proxy_ssl_trusted_certificate ${tls.authorityFile};`,
                `proxy_ssl_name ${tls.name};`,
                'proxy_ssl_server_name on;',
              ].join('\n    ')
            : '',
        }),
      },
    }),
  }
}

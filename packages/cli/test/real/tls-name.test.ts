import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createSecureContext, createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { cleanUp } from './support/clean-up.js'
import { whyNoMount } from './support/own-mounts.js'
import { describeWith, program } from './support/programs.js'
import { startRelay } from './support/relay-process.js'
import { temporaryDirectory } from './support/servers.js'

const NAMES = ['db.example', 'xn--bcher-kva.example']

describeWith(['unshare', 'mount', 'openssl'], 'the name of an upstream over TLS', () => {
  const why = whyNoMount()
  if (why !== undefined) console.log(`the name of an upstream over TLS: skipped: ${why}`)

  test.skipIf(why !== undefined).each([
    ['db.example', 'db.example'],
    ['db.example.', 'db.example'],
    ['Bücher.example', 'xn--bcher-kva.example'],
  ])('tls://%s asks for %s, and holds the certificate to it', async (typed, name) => {
    const folder = temporaryDirectory()
    const hosts = join(folder, 'hosts')
    // A name server answers with and without the final dot.
    writeFileSync(hosts, NAMES.map((host) => `127.0.0.1 ${host} ${host}.\n`).join(''))
    const { port, asked, certificate } = await secureServer(folder)
    const mounted = [program('unshare'), '--map-root-user', '--mount', 'sh', '-c']
    const under = [...mounted, 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
    const trusted = ['env', `NODE_EXTRA_CA_CERTS=${certificate}`]
    const relay = await startRelay(`tls://${typed}:${port}`, { under: [...under, ...trusted] })
    expect(await text(connect(relay.port, '127.0.0.1'))).toBe('hello')
    expect(asked).toEqual([name])
    expect(relay.sessions).toEqual([])
    await relay.stop()
  })
})

/** Has a certificate for each name, shown to who asks for that name alone. */
async function secureServer(folder: string): Promise<{ port: number; asked: string[]; certificate: string }> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = [
    '-subj',
    '/CN=test',
    '-addext',
    `subjectAltName=${NAMES.map((name) => `DNS:${name}`).join()}`,
  ]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync(
    program('openssl'),
    ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate],
    {
      stdio: 'ignore',
    },
  )
  const secure = createSecureContext({ key: readFileSync(key), cert: readFileSync(certificate) })
  const asked: string[] = []
  const server = createServer(
    {
      SNICallback(name, done) {
        asked.push(name)
        if (NAMES.includes(name)) done(null, secure)
        else done(new Error('unknown'))
      },
    },
    (socket) => void socket.on('error', () => {}).end('hello'),
  )
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp(() => new Promise((resolve) => server.close(() => resolve())))
  return { port: (server.address() as { port: number }).port, asked, certificate }
}

import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { causeText } from '../src/cause-text.js'
import { dialer } from '../src/dialer.js'
import { certificate } from './support/certificate.js'

const context = {
  signal: new AbortController().signal,
  client: { id: '1', client: { path: '' }, listen: { path: '' }, startedAt: 0 },
}

async function messageOf(server: ReturnType<typeof createServer>, tls: object): Promise<string> {
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  onTestFinished(() => void server.close())
  const dialed = dialer({ host: '127.0.0.1', port, tls }).connect(context)
  return dialed.then(
    () => 'connected',
    (error: Error) => error.message.replace(`127.0.0.1:${port}`, 'UPSTREAM'),
  )
}

test('an upstream that speaks no TLS is told in words', async () => {
  const plain = createServer(
    (socket) =>
      void socket
        .on('error', () => {})
        .resume()
        .end('220 mail.example ESMTP\r\n'),
  )
  expect(await messageOf(plain, {})).toBe(
    'could not connect to UPSTREAM: TLS failed: wrong version number (ERR_SSL_WRONG_VERSION_NUMBER); it does not seem to speak TLS',
  )
})

test('an alert of the upstream is what it says', async () => {
  const pem = certificate()
  const server = createTlsServer({ ...pem, minVersion: 'TLSv1.3' }).on('tlsClientError', () => {})
  expect(await messageOf(server, { ca: pem.cert, maxVersion: 'TLSv1.2' })).toMatch(
    /^could not connect to UPSTREAM: TLS failed: the peer says protocol version \(ERR_SSL_\w+\)$/,
  )
})

test('what OpenSSL says without a code of Node is taken from its line', () => {
  const raw =
    '4087A7C7:error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:../deps/openssl/record.c:322:\n'
  expect(causeText(new Error(raw))).toBe('TLS failed: unexpected eof while reading')
})

test('several addresses have a text each', () => {
  const errors = ['connect ECONNREFUSED ::1:9', 'connect ECONNREFUSED 127.0.0.1:9'].map(
    (text) => new Error(text),
  )
  expect(causeText(new AggregateError(errors, ''))).toBe(
    'connect ECONNREFUSED ::1:9; connect ECONNREFUSED 127.0.0.1:9',
  )
})

test('a dial without a descriptor names no end of its own', () => {
  const dial = `
    const { connect } = require('net')
    const { openSync } = require('fs')
    require('dns')
    const open = []
    try { for (;;) open.push(openSync('/dev/null')) } catch {}
    const socket = connect(9, '127.0.0.1')
    socket.on('error', ({ message }) => { require('fs').closeSync(open[0]); require('fs').closeSync(open[1]); console.log(message) })`
  const message = execFileSync('sh', ['-c', 'ulimit -n 64 && exec "$0" -e "$1"', process.execPath, dial], {
    encoding: 'utf8',
  })
  expect(message).toContain('undefined')
  expect(causeText(new Error(message.trimEnd()))).toBe('connect EMFILE 127.0.0.1:9')
})

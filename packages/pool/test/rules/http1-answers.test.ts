import { describe, expect, it } from 'vitest'
import { after, answer, bytesOf, get, ok, open, request, slowly } from './http1-support.js'

const head = (...fields: string[]) => `HTTP/1.1 200 OK\r\n${fields.join('\r\n')}\r\n\r\n`
const chunks = (body: string) => `${head('Transfer-Encoding: chunked')}${body}`

describe('http1(): answers that are followed, on a connection that is its own', () => {
  const followed: Record<string, Buffer> = {
    'Connection: close': answer(200, { fields: ['Connection: close'] }),
    'Connection: CLOSE among others': answer(200, { fields: ['Connection: keep-alive,  CLOSE'] }),
    'an unknown word in Connection': answer(200, { fields: ['Connection: X-Secret'] }),
    'HTTP/1.0': bytesOf('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok'),
    'the challenge to NTLM': answer(401, { fields: ['WWW-Authenticate: NTLM'] }),
    'the challenge to Negotiate': answer(401, { fields: ['WWW-Authenticate: Negotiate oRQwEqAD'] }),
    'the challenge of a proxy to ntlm': answer(407, { fields: ['Proxy-Authenticate:ntlm'] }),
    'a challenge among others': answer(401, { fields: ['WWW-Authenticate: Basic realm="a",NTLM'] }),
    'a challenge in a second field': answer(401, {
      fields: ['WWW-Authenticate: Basic realm=a', 'www-authenticate: NeGoTiAtE'],
    }),
    'an authentication that lasts': answer(200, { fields: ['Persistent-Auth: true'] }),
    'a proxy that authenticates sessions': answer(407, {
      fields: ['Proxy-Support: Session-Based-Authentication'],
    }),
    'a status that no one knows': answer(999),
    'an unknown interim answer': Buffer.concat([answer(104), ok]),
    'seventeen interim answers': Buffer.concat([...Array<Buffer>(17).fill(answer(100)), ok]),
  }
  for (const [name, bytes] of Object.entries(followed)) {
    it(`is tainted by: ${name}`, () => {
      const proof = open()
      proof.up(get)
      expect(proof.down(bytes)).toBe(true)
      expect(proof.state).toBe('tainted')
      expect(proof.down(Buffer.from('H'))).toBe(false)
      const bytewise = open()
      bytewise.up(get)
      expect(slowly(bytewise, 'down', bytes)).toBe(true)
      expect(bytewise.state).toBe('tainted')
    })
  }

  it('takes sixteen interim answers to each request', () => {
    const proof = open()
    for (let i = 0; i < 3; i++) {
      proof.up(get)
      for (let j = 0; j < 16; j++) expect(proof.down(answer(j % 2 === 0 ? 100 : 103))).toBe(true)
      expect(proof.state).toBe('busy')
      expect(proof.down(ok)).toBe(true)
      expect(proof.state).toBe('idle')
    }
  })

  it('is tainted by a flood of interim answers, and passes it on', () => {
    const proof = open()
    proof.up(get)
    const flood = Buffer.concat(Array<Buffer>(10_000).fill(answer(100)))
    expect(proof.down(flood)).toBe(true)
    expect(proof.state).toBe('tainted')
  })
})

describe('http1(): answers whose end is not certain', () => {
  const forged: Record<string, string> = {
    'a body that ends with the connection': `${head('X: y')}body`,
    'both lengths': `${head('Transfer-Encoding: chunked', 'Content-Length: 2')}0\r\n\r\n`,
    'two lengths': `${head('Content-Length: 2', 'Content-Length: 0')}`,
    'two equal lengths': `${head('Content-Length: 2', 'Content-Length: 2')}ok`,
    'a signed length': `${head('Content-Length: +2')}ok`,
    'a negative length': head('Content-Length: -2'),
    'a length in a list': `${head('Content-Length: 2, 2')}ok`,
    'a space behind the length': `${head('Content-Length: 2 ')}ok`,
    'a huge length': head('Content-Length: 9007199254740993'),
    'another coding': `${head('Transfer-Encoding: gzip')}x`,
    'two codings': `${head('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`,
    'a space before the colon': `${head('Content-Length : 2')}ok`,
    'a folded line': head('X: a', ' b', 'Content-Length: 0'),
    'lone LF': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'lone LF behind a field': 'HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok',
    'lone CR in the reason': 'HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n',
    'NUL in the reason': 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n',
    'NUL in a field': head('X: \0', 'Content-Length: 0'),
    'a status of four digits': 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n',
    'no chunk size': chunks('\r\n'),
    'a negative chunk size': chunks('-5\r\n'),
    'a chunk size that overflows': chunks('100000000\r\n'),
    'no CRLF behind a chunk': chunks('2\r\nok0\r\n\r\n'),
    'another byte for CR behind a chunk': chunks('2\r\nokX\n0\r\n\r\n'),
    'lone LF behind a chunk size': chunks('2\nok\r\n0\r\n\r\n'),
    'a length in the trailer': chunks('0\r\nContent-Length: 5\r\n\r\n'),
    'a challenge in the trailer': chunks('0\r\nWWW-Authenticate: NTLM\r\n\r\n'),
    '204 with a body': 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok',
    '204 with a body in chunks': 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'an interim answer with a length': 'HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n',
    'an interim answer in chunks': 'HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a switch of protocols': 'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x05hello',
    'HTTP/1.0 with a coding': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'too long a reason': `HTTP/1.1 200 ${'x'.repeat(65_536)}`,
    'too long a head': head(`X: ${'x'.repeat(65_536)}`),
  }
  for (const [name, text] of Object.entries(forged)) {
    it(`is tainted by, but passes on: ${name}`, () => {
      const proof = open()
      proof.up(get)
      expect(proof.down(bytesOf(text))).toBe(true)
      expect(proof.state).toBe('tainted')
      expect(proof.down(Buffer.from('anything'))).toBe(true)
      proof.up(get)
      expect(proof.down(ok)).toBe(true)
      expect(proof.state).toBe('tainted')
      const bytewise = open()
      bytewise.up(get)
      expect(slowly(bytewise, 'down', text)).toBe(true)
      expect(bytewise.state).toBe('tainted')
    })
  }

  it('follows no tunnel, but does follow its refusal', () => {
    const tunnel = after(request('CONNECT h:443'), 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    tunnel.up(Buffer.from('\x16\x03\x01'))
    expect(tunnel.down(Buffer.from('\x16\x03\x03'))).toBe(true)
    expect(tunnel.state).toBe('tainted')
    const refused = after(request('CONNECT h:443'), answer(403))
    expect(refused.state).toBe('tainted')
    expect(refused.down(Buffer.from('\x16\x03\x03'))).toBe(false)
  })

  it('is tainted by an answer that is complete before its request', () => {
    for (const early of [answer(413), answer(200, { body: 'x', chunks: [] })]) {
      const post = request('POST /', { body: 'body' })
      const proof = after(post.subarray(0, -1), early)
      expect(proof.state).toBe('tainted')
      proof.up(post.subarray(-1))
      expect(proof.state).toBe('tainted')
      proof.up(get)
      expect(proof.down(ok)).toBe(true)
      expect(proof.state).toBe('tainted')
      expect(proof.down(Buffer.from('H'))).toBe(false)
    }
  })

  it('lets the server ask for the body, and not answer before it has it', () => {
    const put = request('PUT /', { body: 'body', fields: ['Expect: 100-continue'] })
    const proof = after(put.subarray(0, -4), answer(100))
    expect(proof.state).toBe('partial')
    proof.up(put.subarray(-4))
    expect(proof.down(answer(201))).toBe(true)
    expect(proof.state).toBe('idle')
    expect(after(put.subarray(0, -4), answer(417)).state).toBe('tainted')
  })
})

describe('http1(): answers that nobody asked for', () => {
  it('are not delivered on a connection at rest', () => {
    for (const bytes of [
      ok,
      answer(408, { fields: ['Connection: close'] }),
      answer(100),
      'x',
      '\r\n',
      '\0',
    ]) {
      const proof = open()
      expect(proof.down(bytesOf(bytes))).toBe(false)
      expect(proof.state).toBe('tainted')
      proof.up(get)
      expect(proof.down(ok)).toBe(false)
    }
  })

  it('are not delivered behind the last answer, in one chunk or the next', () => {
    for (const surplus of [ok, answer(100), 'x', '\r', '\n', 'H']) {
      expect(after(get, '').down(Buffer.concat([ok, bytesOf(surplus)]))).toBe(false)
      const proof = after(get, ok)
      expect(proof.down(bytesOf(surplus))).toBe(false)
      expect(proof.state).toBe('tainted')
    }
    expect(after(request('HEAD /'), '').down(ok)).toBe(false)
    expect(after(get, '').down(Buffer.concat([answer(304), Buffer.from('body')]))).toBe(false)
  })

  it('are not delivered when they do not begin like an answer', () => {
    const begins = [
      'ok',
      '\r\nHTTP/1.1 200 OK',
      'http/1.1 200 OK',
      'HTTP/2 200 OK',
      'HTTP/1.2 200 OK',
      'HTTP/1.1200',
    ]
    for (const begin of [
      ...begins,
      'HTTP/1.1  200',
      'HTTP/1.1 20 OK',
      'HTTP/1.1 099',
      'HTTP/1.1 2x0',
      'ICY 200 OK',
    ]) {
      const proof = open()
      proof.up(get)
      expect(proof.down(bytesOf(begin)), begin).toBe(false)
      expect(proof.state).toBe('tainted')
      const bytewise = open()
      bytewise.up(get)
      expect(slowly(bytewise, 'down', begin), begin).toBe(false)
      expect(bytewise.state).toBe('tainted')
    }
  })

  it('are not delivered while a head is half sent, but an error that refuses it is', () => {
    for (let at = 1; at < get.length; at++) {
      for (const status of [400, 408, 431, 501]) {
        const refused = open()
        refused.up(get.subarray(0, at))
        expect(refused.down(answer(status, { body: 'no' }))).toBe(true)
        expect(refused.state).toBe('tainted')
      }
      for (const status of [100, 101, 200, 302, 304]) {
        const stray = open()
        stray.up(get.subarray(0, at))
        expect(stray.down(answer(status))).toBe(false)
        expect(stray.state).toBe('tainted')
      }
    }
  })

  it('ignores empty chunks', () => {
    const proof = open()
    proof.up(Buffer.alloc(0))
    expect(proof.down(Buffer.alloc(0))).toBe(true)
    expect(proof.state).toBe('idle')
  })
})

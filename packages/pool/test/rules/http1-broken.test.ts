import { describe, expect, it } from 'vitest'
import { after, answer, bytesOf, get, ok, open, request, slowly } from './http1-support.js'
import { isKept } from './redis-support.js'

const post = (...fields: string[]) => `POST / HTTP/1.1\r\nHost: h\r\n${fields.join('\r\n')}\r\n\r\n`
const chunks = (body: string) => `${post('Transfer-Encoding: chunked')}${body}`

describe('http1(): requests that are followed, on a connection that is their own', () => {
  const followed: Record<string, Buffer> = {
    'an unknown method': request('PURGE /'),
    'a method in lower case': request('get /'),
    'a method that only begins like one': request('GE /'),
    Upgrade: request('GET /', { fields: ['Upgrade: websocket', 'Connection: Upgrade'] }),
    'Connection: upgrade': request('GET /', { fields: ['Connection: keep-alive, uPGrade'] }),
    'HTTP2-Settings': request('GET /', { fields: ['HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'] }),
    'Connection: close': request('GET /', { fields: ['Connection: close'] }),
    'Connection: CLOSE among others': request('GET /', { fields: ['Connection: keep-alive ,\tCLOSE'] }),
    'a second Connection field': request('GET /', { fields: ['Connection: keep-alive', 'Connection:close'] }),
    'Proxy-Connection: close': request('GET /', { fields: ['Proxy-Connection: close'] }),
    'a hop-by-hop field': request('GET /', { fields: ['Connection: X-Secret'] }),
    'quotes in Connection': request('GET /', { fields: ['Connection: "keep-alive"'] }),
    'an unknown expectation': request('GET /', { fields: ['Expect: 200-ok'] }),
    'more than the known expectation': request('PUT /', { body: 'x', fields: ['Expect: 100-continue;x=y'] }),
    NTLM: request('GET /', { fields: ['Authorization: NTLM TlRMTVNTUAABAAAA'] }),
    'nTlM in any case': request('GET /', { fields: ['aUTHORIZATION:   nTlM TlRMTVNTUAABAAAA'] }),
    'NTLM without a token': request('GET /', { fields: ['Authorization: NTLM'] }),
    Negotiate: request('GET /', { fields: ['Authorization: Negotiate YII='] }),
    'NTLM for a proxy': request('GET /', { fields: ['Proxy-Authorization: NTLM x'] }),
    'a second Authorization': request('GET /', {
      fields: ['Authorization: Basic x', 'Authorization: NTLM x'],
    }),
    'an unknown scheme': request('GET /', { fields: ['Authorization: Secret x'] }),
    'no scheme': request('GET /', { fields: ['Authorization: 0123456789'] }),
    'GET with a body': request('GET /', { body: 'x' }),
    'HEAD with a body in chunks': request('HEAD /', { body: 'x', chunks: [] }),
    'DELETE with a body': request('DELETE /', { body: 'x' }),
    'HTTP/1.0': Buffer.from('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'),
  }
  for (const [name, bytes] of Object.entries(followed)) {
    it(`is tainted by: ${name}`, () => {
      const proof = open()
      proof.up(bytes)
      expect(proof.state).toBe('tainted')
      const bodyless = name.startsWith('HEAD') ? answer(200, { body: undefined }) : ok
      expect(proof.down(bodyless)).toBe(true)
      expect(proof.state).toBe('tainted')
      // What a session before it left behind is not its own.
      expect(proof.down(Buffer.from('x'))).toBe(false)
      const bytewise = open()
      slowly(bytewise, 'up', bytes)
      expect(bytewise.state).toBe('tainted')
    })
  }
})

describe('http1(): requests that two parsers may understand differently', () => {
  const lengths =
    '-5|+5|0x5|5 | 5|\t5|05|00|5,5|5, 5|5;5|5.0|5e0|five||99999999999999999999|18446744073709551621'
  const codings =
    'chunked, identity|identity, chunked|identity|gzip, chunked|chunked, chunked|Chunked|xchunked'
  const more = 'chunke|chunkedx|chunked;q=1|"chunked"| chunked|\tchunked|chunked |chunked,|\x0bchunked|'
  const forged: Record<string, string> = {
    'both lengths (CL.TE)': `${post('Content-Length: 6', 'Transfer-Encoding: chunked')}0\r\n\r\nG`,
    'both lengths (TE.CL)': `${post('Transfer-Encoding: chunked', 'Content-Length: 4')}5c\r\nGPOST`,
    'two lengths': `${post('Content-Length: 5', 'Content-Length: 6')}12345`,
    'two equal lengths': `${post('Content-Length: 5', 'Content-Length: 5')}12345`,
    'two codings (TE.TE)': `${post('Transfer-Encoding: chunked', 'Transfer-encoding: cow')}0\r\n\r\n`,
    'two equal codings': `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    'a space before the colon': `${post('Transfer-Encoding : chunked')}0\r\n\r\n`,
    'a tab before the colon': post('Content-Length\t: 0'),
    'a folded line': post('X: a', ' b'),
    'a folded coding': `${post('Transfer-Encoding:', ' chunked')}0\r\n\r\n`,
    'a tab that folds': post('X: a', '\tTransfer-Encoding: chunked'),
    'a space before the first field': `GET / HTTP/1.1\r\n Host: h\r\n\r\n`,
    'lone LF behind a field': `${post('X: a\nTransfer-Encoding: chunked')}0\r\n\r\n`,
    'lone CR in a field': post('X: a\rTransfer-Encoding: chunked'),
    'lone LF all over': 'GET / HTTP/1.1\nHost: h\n\n',
    'lone LF behind the fields': 'GET / HTTP/1.1\r\nHost: h\r\n\n',
    'lone CR behind the fields': 'GET / HTTP/1.1\r\nHost: h\r\n\rX',
    'NUL in a name': post('Transfer-Encoding\0: chunked'),
    'NUL in a value': post('X: a\0b'),
    'DEL in a value': post('X: a\x7fb'),
    'no name': post(': x'),
    'no colon': post('Transfer-Encoding chunked'),
    'no field name but text': post('gr\xfc\xdfe: x'),
    'an empty line first': `\r\n${get}`,
    'no method': ' / HTTP/1.1\r\n\r\n',
    'no target': 'GET  HTTP/1.1\r\n\r\n',
    'a space in the target': 'GET /a b HTTP/1.1\r\n\r\n',
    'NUL in the target': 'GET /\0 HTTP/1.1\r\n\r\n',
    'two spaces': 'GET /  HTTP/1.1\r\n\r\n',
    'a tab for a space': 'GET\t/ HTTP/1.1\r\n\r\n',
    'a space behind the version': 'GET / HTTP/1.1 \r\n\r\n',
    'HTTP/0.9': 'GET /\r\n',
    'HTTP/1.2': 'GET / HTTP/1.2\r\n\r\n',
    'HTTP/1.10': 'GET / HTTP/1.10\r\n\r\n',
    'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'lower-case http': 'GET / http/1.1\r\n\r\n',
    TLS: '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
    'HTTP/1.0 with a coding': 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'no chunk size': chunks('\r\n\r\n'),
    'a signed chunk size': chunks('+5\r\n'),
    'a negative chunk size': chunks('-1\r\n'),
    'a chunk size with 0x': chunks('0x5\r\n12345\r\n0\r\n\r\n'),
    'a space before a chunk size': chunks(' 5\r\n'),
    'a space behind a chunk size': chunks('5 \r\n12345\r\n0\r\n\r\n'),
    'a chunk size that overflows 32 bits': chunks('100000005\r\n'),
    'a chunk size that overflows 64 bits': chunks('ffffffffffffffff5\r\n'),
    'the largest negative chunk size': chunks('80000000\r\n'),
    'a long zero': chunks('000000000\r\n'),
    'lone LF behind a chunk size': chunks('5\n12345\r\n0\r\n\r\n'),
    'CR and another byte behind a chunk size': chunks('5\rX12345\r\n0\r\n\r\n'),
    'lone LF in an extension (EXT.TERM)': chunks('5;\n12345\r\n0\r\n\r\n'),
    'lone CR in an extension': chunks('5;a\rb\r\n12345\r\n0\r\n\r\n'),
    'long extensions': chunks(`5;${'x'.repeat(16_384)}\r\n12345\r\n0\r\n\r\n`),
    'many extensions': chunks(`1;${'x'.repeat(1_000)}\r\n1\r\n`.repeat(17)),
    'no CRLF behind a chunk': chunks('5\r\n123450\r\n\r\n'),
    'two other bytes behind a chunk': chunks('5\r\n12345XX0\r\n\r\n'),
    'another byte for CR behind a chunk': chunks('5\r\n12345X\n0\r\n\r\n'),
    'another byte for LF behind a chunk': chunks('5\r\n12345\rX0\r\n\r\n'),
    'lone LF behind a chunk': chunks('5\r\n12345\n0\r\n\r\n'),
    'a length in the trailer': chunks('0\r\nContent-Length: 5\r\n\r\n'),
    'a coding in the trailer': chunks('0\r\nTransfer-Encoding: chunked\r\n\r\n'),
    'Connection: close in the trailer': chunks('0\r\nConnection: close\r\n\r\n'),
    'a folded trailer': chunks('0\r\nX: a\r\n b\r\n\r\n'),
    'lone LF behind the trailer': chunks('0\r\n\n'),
    'too long a target': `GET /${'x'.repeat(65_536)}`,
    'too long a head': post(`X: ${'x'.repeat(65_536)}`),
    'too many fields': post(...Array<string>(7_000).fill('X: abcdef')),
    'too long a trailer': chunks(`0\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`),
  }
  for (const length of lengths.split('|')) {
    forged[`the length ${JSON.stringify(length)}`] = `${post(`Content-Length: ${length}`)}12345`
  }
  for (const coding of `${codings}|${more}`.split('|')) {
    const framed = `${post(`Transfer-Encoding: ${coding}`)}0\r\n\r\n`
    forged[`the coding ${JSON.stringify(coding)}`] = framed
  }
  for (const [name, text] of Object.entries(forged)) {
    it(`is tainted by: ${name}`, () => {
      const proof = open()
      proof.up(bytesOf(text))
      expect(proof.state).toBe('tainted')
      const bytewise = open()
      slowly(bytewise, 'up', text)
      expect(bytewise.state).toBe('tainted')
      // The client's own doing: however often the server answers, it is the client's.
      expect(proof.down(answer(400, { fields: ['Connection: close'], body: 'Bad Request' }))).toBe(true)
      expect(proof.down(ok)).toBe(true)
      proof.up(get)
      expect(proof.state).toBe('tainted')
      // But what is no answer was left behind by somebody before, unless the client never said that it speaks HTTP/1.
      const speaksHttp = /^[!-~]+ [!-~]+ HTTP\/1\.[01]/.test(text)
      expect(bytewise.down(Buffer.from('rest of a body'))).toBe(!speaksHttp)
    })
  }

  it('takes as long a head as it says, and not more', () => {
    const field = (length: number) => `X: ${'x'.repeat(length - 7)}`
    const head = (length: number) => bytesOf(`GET / HTTP/1.1\r\n${field(length)}\r\n\r\n`)
    expect(after(head(65_536), ok).state).toBe('idle')
    expect(after(head(65_537), ok).state).toBe('tainted')
  })

  it('is not kept in the middle of a huge length', () => {
    for (const length of ['9007199254740991', '4294967301']) {
      expect(isKept(after(`${post(`Content-Length: ${length}`)}12345`, ok))).toBe(false)
    }
  })
})

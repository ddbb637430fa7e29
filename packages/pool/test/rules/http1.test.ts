import { describe, expect, it } from 'vitest'
import { http1 } from '../../src/rules/http1.js'
import { after, answer, get, ok, open, request, slowly } from './http1-support.js'

describe('http1(): states', () => {
  it('is idle before anything was sent', () => {
    expect(open().state).toBe('idle')
  })

  it('is partial, busy and idle again over one request', () => {
    const proof = open()
    const put = request('PUT /a', { body: 'body' })
    for (let i = 1; i < put.length; i++) {
      proof.up(put.subarray(i - 1, i))
      expect(proof.state).toBe('partial')
    }
    proof.up(put.subarray(-1))
    expect(proof.state).toBe('busy')
    expect(proof.down(ok.subarray(0, -1))).toBe(true)
    expect(proof.state).toBe('busy')
    expect(proof.down(ok.subarray(-1))).toBe(true)
    expect(proof.state).toBe('idle')
  })

  it('is busy until every pipelined request is answered, each in its turn', () => {
    const proof = open()
    proof.up(Buffer.concat([get, request('HEAD /'), get, request('HEAD /')]))
    const head = answer(200, { fields: ['Content-Length: 99'], body: undefined })
    const notModified = answer(304, { fields: ['Content-Length: 99'] })
    expect(proof.down(Buffer.concat([ok, head, notModified]))).toBe(true)
    expect(proof.state).toBe('busy')
    expect(proof.down(answer(200, { fields: ['Transfer-Encoding: chunked'], body: undefined }))).toBe(true)
    expect(proof.state).toBe('idle')
  })

  it('is partial while the next request is half sent, also when all others are answered', () => {
    const proof = open()
    proof.up(Buffer.concat([get, get.subarray(0, 5)]))
    expect(proof.state).toBe('partial')
    expect(proof.down(ok)).toBe(true)
    expect(proof.state).toBe('partial')
    proof.up(get.subarray(5))
    expect(proof.state).toBe('busy')
    expect(proof.down(ok)).toBe(true)
    expect(proof.state).toBe('idle')
  })

  it('serves one session after the other', () => {
    const proof = open()
    for (let i = 0; i < 1_000; i++) {
      proof.up(request('POST /', { body: 'x'.repeat(i), ...(i % 2 && { chunks: [7, 1] }) }))
      expect(proof.down(answer(200, { body: 'y'.repeat(i), ...(i % 3 && { chunks: [3] }) }))).toBe(true)
      expect(proof.state).toBe('idle')
    }
  })

  it('takes an answer that begins before its request has ended, and ends after it', () => {
    const proof = open()
    const post = request('POST /', { body: 'body' })
    proof.up(post.subarray(0, -1))
    expect(proof.down(ok.subarray(0, -1))).toBe(true)
    expect(proof.state).toBe('partial')
    proof.up(post.subarray(-1))
    expect(proof.down(ok.subarray(-1))).toBe(true)
    expect(proof.state).toBe('idle')
  })

  it('is busy after 1,000 requests, and tainted by one more', () => {
    const proof = open()
    for (let i = 0; i < 1_000; i++) proof.up(get)
    expect(proof.state).toBe('busy')
    proof.up(get)
    expect(proof.state).toBe('tainted')
  })
})

describe('http1(): what passes', () => {
  const methods = 'GET HEAD POST PUT DELETE OPTIONS PATCH TRACE PROPFIND LOCK MKCOL REPORT QUERY'.split(' ')
  for (const method of methods) {
    it(`is idle after ${method}`, () => {
      expect(after(request(`${method} /a?b=c`), answer(200)).state).toBe('idle')
    })
  }
  const requests: Record<string, Buffer> = {
    'an absolute target': request('GET http://h:80/a'),
    'an asterisk': request('OPTIONS *'),
    'a body by chunks, with extensions and a trailer': request('POST /', {
      body: 'a body',
      chunks: [1, 2],
      extension: ';name="value; x";more',
      trailer: ['Checksum: 1'],
    }),
    'an empty body': request('GET /', { fields: ['Content-Length: 0'] }),
    'a body whose size has leading zeros': Buffer.from(
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n000A\r\n0123456789\r\n000\r\n\r\n',
    ),
    'a field without a space before its value': request('GET /', { fields: ['Content-Length:0', 'A:b'] }),
    'an empty field': request('GET /', { fields: ['X:', 'Y: ', 'Z: \t '] }),
    'bytes above ASCII in a value': request('GET /', { fields: ['X: gr\xfc\xdfe'] }),
    'Connection: keep-alive': request('GET /', { fields: ['Connection: Keep-Alive, TE', 'TE: trailers'] }),
    'names that only begin like others': request('GET /', {
      fields: ['Connections: close', 'Upgrade-Insecure-Requests: 1', 'Expected: x', 'Authorizatio: NTLM x'],
    }),
    cookies: request('GET /', { fields: ['Cookie: a=b; c=NTLM'] }),
    'Basic and Bearer': request('GET /', {
      fields: ['Authorization: Basic bmVnb3RpYXRl', 'Proxy-Authorization: bearer NTLM'],
    }),
    'Expect: 100-continue': request('PUT /', { body: 'x', fields: ['Expect: 100-continue'] }),
  }
  for (const [name, bytes] of Object.entries(requests)) {
    it(`is idle after a request with ${name}`, () => {
      expect(after(bytes, ok).state).toBe('idle')
      const proof = open()
      slowly(proof, 'up', bytes)
      expect(slowly(proof, 'down', ok)).toBe(true)
      expect(proof.state).toBe('idle')
    })
  }

  const answers: Record<string, Buffer> = {
    'a body by chunks': answer(200, { body: 'a body', chunks: [1, 2], extension: ';x', trailer: ['A: b'] }),
    'an empty body by chunks': answer(200, { chunks: [] }),
    '204': answer(204),
    '204 with an empty body': answer(204, { fields: ['Content-Length: 0'] }),
    '304 that says how long it would be': answer(304, { fields: ['Content-Length: 5'] }),
    'no reason': Buffer.from('HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'),
    'no space before the missing reason': Buffer.from('HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n'),
    'interim answers before it': Buffer.concat([answer(100), answer(102), answer(103), ok]),
    'the offer to upgrade': answer(200, { fields: ['Upgrade: h2,h2c', 'Connection: Upgrade, Keep-Alive'] }),
    'the challenge to Basic': answer(401, {
      fields: ['WWW-Authenticate: Basic realm="x", Digest qop="auth"'],
    }),
    '206': answer(206, { body: 'part', fields: ['Content-Range: bytes 0-3/9'] }),
    '500': answer(500),
  }
  for (const [name, bytes] of Object.entries(answers)) {
    it(`is idle after an answer with ${name}`, () => {
      expect(after(get, bytes).state).toBe('idle')
      const proof = open()
      proof.up(get)
      expect(slowly(proof, 'down', bytes)).toBe(true)
      expect(proof.state).toBe('idle')
    })
  }

  it('asks for nothing: HTTP has no reset', () => {
    expect(http1()).toMatchObject({ name: 'http1' })
    expect(http1().reset).toBeUndefined()
  })
})

describe('http1(): options', () => {
  it('takes more methods, in their own case', () => {
    const rule = http1({ methods: ['PURGE', 'GET'] })
    const states = ['PURGE /', 'purge /', 'PURG /', 'PURGES /', 'GET /'].map((line) => {
      const proof = rule.open()
      proof.up(request(line))
      proof.down(ok)
      return proof.state
    })
    expect(states).toEqual(['idle', 'tainted', 'tainted', 'tainted', 'idle'])
    const proof = http1({ methods: ['HEAD'] }).open()
    proof.up(request('HEAD /'))
    proof.down(answer(200, { body: undefined, fields: ['Content-Length: 5'] }))
    expect(proof.state).toBe('idle')
  })

  it('takes more schemes, in any case', () => {
    const rule = http1({ schemes: ['PrivateToken'] })
    for (const scheme of ['PRIVATETOKEN', 'privatetoken', 'Basic']) {
      const proof = rule.open()
      proof.up(request('GET /', { fields: [`Authorization: ${scheme} x`] }))
      proof.down(ok)
      expect(proof.state).toBe('idle')
    }
  })

  it('does not declare harmless what is known to hold the connection', () => {
    expect(() => http1({ methods: ['CONNECT'] })).toThrow(/`methods`/)
    for (const scheme of ['NTLM', 'negotiate', 'Kerberos']) {
      expect(() => http1({ schemes: [scheme] })).toThrow(/`schemes`/)
    }
  })

  it('names the option when it is wrong', () => {
    for (const wrong of ['GET', [''], [1], ['a b'], [null], {}, ['a\r\n'], ['x'.repeat(65)]]) {
      expect(() => http1({ methods: wrong as string[] }), JSON.stringify(wrong)).toThrow(/`methods`/)
      expect(() => http1({ schemes: wrong as string[] })).toThrow(TypeError)
    }
    expect(() => http1({ method: [] } as object)).toThrow(/`method` .*`methods`, `schemes`/)
  })
})

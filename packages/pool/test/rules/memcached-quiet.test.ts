import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { after, open, receive } from './memcached-support.js'

const stores = ['set', 'add', 'replace', 'append', 'prepend'].map(
  (name) => `${name} a 0 0 1 noreply\r\nx\r\n`,
)
const others = [
  'cas a 4 -1 1 77 noreply\r\nx',
  'delete a noreply',
  'incr a 1 noreply',
  'decr a 2147483647 noreply',
  'touch a -1 noreply',
  'flush_all noreply',
  'flush_all 0 noreply',
  'verbosity 1 noreply',
  'set noreply 0 0 7 noreply\r\nnoreply',
]
const quiet = [...stores, ...others.map((text) => `${text}\r\n`)]

describe('memcached(): noreply', () => {
  for (const request of quiet) {
    it(`leaves the connection dirty after ${JSON.stringify(request)}, cut anywhere, and idle after mn`, () => {
      for (let at = 1; at < request.length; at++) {
        const proof = after(request.slice(0, at))
        expect(proof.state).toBe('partial')
        proof.up(Buffer.from(request.slice(at)))
        expect(proof.state).toBe('dirty')
        proof.up(Buffer.from('mn\r\n'))
        expect(proof.state).toBe('busy')
        expect(receive(proof, 'MN\r\n')).toBe(true)
        expect(proof.state).toBe('idle')
      }
    })
  }

  it('is clean after the answer to any later request, and not before', () => {
    const proof = after('get b\r\nset a 0 0 1 noreply\r\nx\r\n')
    expect(proof.state).toBe('busy')
    receive(proof, 'END\r\n')
    expect(proof.state).toBe('dirty')
    proof.up(Buffer.from('get a\r\n'))
    receive(proof, 'VALUE a 0 1\r\nx\r\nEND\r\n')
    expect(proof.state).toBe('idle')
  })

  it('is delivered the error of its own, which taints', () => {
    for (const error of ['ERROR', 'SERVER_ERROR out of memory storing object', 'CLIENT_ERROR no']) {
      for (let at = 1; at < error.length; at++) {
        const proof = after('set a 0 0 1 noreply\r\nx\r\n')
        expect(receive(proof, error.slice(0, at))).toBe(true)
        expect(proof.state).toBe('tainted')
        expect(receive(proof, `${error.slice(at)}\r\n`)).toBe(true)
      }
    }
  })

  it('takes the error before the answer to a later count for its own', () => {
    const proof = after('set a 0 0 1 noreply\r\nx\r\nincr n 1\r\n')
    expect(receive(proof, 'CLIENT_ERROR bad data chunk\r\n')).toBe(true)
    expect(proof.state).toBe('tainted')
    // Once a later answer has come, a count may fail again.
    const later = after('set a 0 0 1 noreply\r\nx\r\nget a\r\nincr a 1\r\n', 'END\r\nCLIENT_ERROR no\r\n')
    expect(later.state).toBe('idle')
  })

  it('is delivered nothing else', () => {
    for (const bytes of ['STORED\r\n', 'S\r', 'END\r\n', 'MN\r\n', '1\r\n', '\r\n', 'x', 'ERRORS']) {
      const proof = after('set a 0 0 1 noreply\r\nx\r\n')
      expect(receive(proof, bytes), bytes).toBe(false)
      expect(proof.state).toBe('tainted')
    }
  })

  const wrong = [
    'touch a noreply',
    'delete noreply x',
    'delete a noreply x',
    'delete a norepl',
    'delete a noreplyx',
    'delete a NOREPLY',
    'delete a  noreply',
    'get a b\0noreply',
    'verbosity noreply',
    'mn noreply',
    'version noreply',
    'stats noreply',
    'flush_all noreply 0',
    'flush_all noreply noreply',
    'touch a - noreply',
  ]
  // memcached says nothing of a number that it does not take, nor what it then takes the data block for.
  const large = [
    'set a 4294967296 0 1 noreply\r\nx',
    'set a 0 2147483648 1 noreply\r\nx',
    'set a 0 -2147483648 1 noreply\r\nx',
    'cas a 0 0 1 18446744073709551616 noreply\r\nx',
  ]
  for (const request of [...wrong, ...large]) {
    it(`taints in another form: ${JSON.stringify(request)}`, () => {
      expect(after(`${request}\r\n`).state).toBe('tainted')
    })
  }

  it('is told in any pipeline, cut anywhere, from what is answered', () => {
    const one = fc.oneof(
      fc.constantFrom(...quiet).map((request) => ({ request, answer: '' })),
      fc.constantFrom(
        { request: 'get a\r\n', answer: 'END\r\n' },
        { request: 'set a 0 0 7\r\nnoreply\r\n', answer: 'STORED\r\n' },
        { request: 'get noreply \r\n', answer: 'END\r\n' },
      ),
    )
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 6 }), fc.nat(), (list, where) => {
        const requests = list.map(({ request }) => request).join('')
        const answers = list.map(({ answer }) => answer).join('')
        const at = where % requests.length
        const proof = after(requests.slice(0, at))
        proof.up(Buffer.from(requests.slice(at)))
        const last = list.at(-1)?.answer === '' ? 'dirty' : 'idle'
        expect(proof.state).toBe(answers === '' ? 'dirty' : 'busy')
        for (const byte of answers) expect(receive(proof, byte)).toBe(true)
        expect(proof.state).toBe(last)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('memcached(): the goodbye', () => {
  it('is quit at the end of a chunk', () => {
    for (const before of ['', 'get a\r\n', 'set a 0 0 4\r\n', 'x']) {
      expect(open().goodbye?.(Buffer.from(`${before}quit\r\n`))).toEqual({
        bytes: 6,
        answer: Buffer.alloc(0),
      })
    }
  })

  it('is nothing else', () => {
    for (const text of [
      '',
      'quit',
      'quit\r',
      'quit\n',
      'QUIT\r\n',
      'quit \r\n',
      'quit\r\n\r\n',
      'uit\r\n',
      'quit\r\nget a\r\n',
    ]) {
      expect(open().goodbye?.(Buffer.from(text)), JSON.stringify(text)).toBe(undefined)
    }
  })
})

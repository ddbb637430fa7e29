import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { after, open, receive } from './memcached-support.js'
import { isKept, shapeOf } from './redis-support.js'

const LONG = 'k'.repeat(251)

describe('memcached(): broken requests', () => {
  const forged: Readonly<Record<string, string>> = {
    'a lone LF': 'get a\nget b\r\n',
    'a lone CR': 'get a\rb\r\n',
    'two CRs': 'get a\r\r\n',
    'an empty line': '\r\n',
    'a space before the name': ' get a\r\n',
    'two spaces': 'get  a\r\n',
    'two spaces between keys': 'get a  b\r\n',
    'two spaces at the end': 'get a  \r\n',
    'a space and no key': 'get \r\n',
    'a space behind a key that is not asked for': 'delete a \r\n',
    'a space behind flags': 'mg a v \r\n',
    'a space behind a command': 'mn \r\n',
    'a space behind a subcommand': 'stats items \r\n',
    'two spaces behind stats': 'stats  \r\n',
    'a tab': 'get\ta\r\n',
    'a NUL, which hides the rest of the line': 'get a\0noreply\r\n',
    'a control character in a key': 'get a\x01\r\n',
    'DEL in a key': 'get a\x7f\r\n',
    'a key of 251 bytes': `get ${LONG}\r\n`,
    'a second key of 251 bytes': `get a ${LONG}\r\n`,
    'a key of 251 bytes to be stored': `set ${LONG} 0 0 1\r\nx\r\n`,
    'a flag of 251 bytes': `mg a O${LONG}\r\n`,
    'a longer value': 'set a 0 0 3\r\nabcd\r\n',
    'a shorter value': 'set a 0 0 3\r\nab\r\nget b\r\n',
    'a lone LF after a value': 'set a 0 0 1\r\nx\n',
    'a wrong trailer': 'set a 0 0 1\r\nx\rx',
    'no CR after an empty value': 'set a 0 0 0\r\n\n',
    'a negative length': 'set a 0 0 -1\r\nx\r\n',
    'a length with a sign': 'set a 0 0 +1\r\nx\r\n',
    'a length with a leading zero': 'set a 0 0 01\r\nx\r\n',
    'two zeros': 'set a 0 0 00\r\n\r\n',
    'a hexadecimal length': 'set a 0 0 0x1\r\nx\r\n',
    'a length with a dot': 'set a 0 0 1.0\r\nx\r\n',
    'no length': 'set a 0 0 \r\n\r\n',
    'a length of more than 1 GiB': 'set a 0 0 1073741825\r\n',
    'a length beyond 2^64': 'set a 0 0 18446744073709551617\r\n',
    'a meta length in the old form': 'ms a S2 T0\r\nab\r\n',
    'a flag where the length has to be': 'ms a T0 2\r\nab\r\n',
    'letters for flags': 'set a x 0 1\r\nx\r\n',
    'a lone sign': 'set a 0 - 1\r\nx\r\n',
    'two signs': 'set a 0 --1 1\r\nx\r\n',
    'a sign within': 'set a 0 1-1 1\r\nx\r\n',
    'a number of 21 digits': 'incr a 100000000000000000000\r\n',
    'an unknown flag': 'mg a A\r\n',
    'a digit for a flag': 'mg a 1\r\n',
    capitals: 'SET a 0 0 1\r\nx\r\n',
    'a longer name': 'verbosityx 1\r\n',
    HTTP: 'GET / HTTP/1.1\r\n\r\n',
  }
  for (const [name, bytes] of Object.entries(forged)) {
    it(`is tainted by ${name}`, () => {
      const proof = after(bytes)
      expect(proof.state).toBe('tainted')
      const slowly = open()
      for (const byte of Buffer.from(bytes, 'latin1')) slowly.up(Buffer.from([byte]))
      expect(slowly.state).toBe('tainted')
      // The client's own doing: what the server says to it is still the client's.
      expect(receive(proof, 'ERROR\r\nERROR\r\n')).toBe(true)
      proof.up(Buffer.from('mn\r\n'))
      expect(proof.state).toBe('tainted')
    })
  }

  it('takes the largest value that a server can take', () => {
    expect(after('set a 0 0 1073741824\r\n').state).toBe('partial')
  })

  it('takes any byte above DEL in a key', () => {
    expect(after('get \x80\xff~!\r\n', 'END\r\n').state).toBe('idle')
  })
})

describe('memcached(): broken answers', () => {
  const forged: ReadonlyArray<readonly [request: string, answer: string]> = [
    ['get a', 'END\n'],
    ['get a', 'END \r\n'],
    ['get a', 'end\r\n'],
    ['get a', 'EN\r\n'],
    ['get a', 'VALUE a 0 1 5\r\nx\r\nEND\r\n'],
    ['gets a', 'VALUE a 0 1\r\nx\r\nEND\r\n'],
    ['get a', 'VALUE a 0\r\n'],
    ['get a', 'VALUE a  0 1\r\n'],
    ['get a', 'VALUE  a 0 1\r\n'],
    ['get a', 'VALUE\r\n'],
    ['get a', `VALUE ${LONG} 0 1\r\n`],
    ['get a', 'VALUE a\x01 0 1\r\n'],
    ['get a', 'VALUE a x 1\r\n'],
    ['get a', 'VALUE a 0 01\r\nx\r\n'],
    ['get a', 'VALUE a 0 -1\r\n'],
    ['get a', 'VALUE a 0 +1\r\nx\r\n'],
    ['get a', 'VALUE a 0 1073741825\r\n'],
    ['get a', 'VALUE a 0 1\rx'],
    ['get a', 'VALUE a 0 1\r\nxy\r\n'],
    ['get a', 'VALUE a 0 1\r\nx\n'],
    ['get a', 'VALUE a 0 1\r\nx\rEND\r\n'],
    ['get a', 'VALUE a 0 0\r\n\r\nVALUE b 0 0\r\n'],
    ['gets a', 'VALUE a 0 1 x\r\n'],
    ['gets a', 'VALUE a 0 1 5 6\r\n'],
    ['set a 0 0 1\r\nx', 'STORED'.concat(' \r\n')],
    ['set a 0 0 1\r\nx', 'DELETED\r\n'],
    ['set a 0 0 1\r\nx', 'STOREDX\r\n'],
    ['incr a 1', '-1\r\n'],
    ['incr a 1', ' 1\r\n'],
    ['incr a 1', '1 2\r\n'],
    ['incr a 1', `1${' '.repeat(20)}\r\n`],
    ['incr a 1', '123456789012345678901\r\n'],
    ['delete a', '1\r\n'],
    ['version', 'VERSION\r\n'],
    ['version', 'VERSION 1\n'],
    ['version', 'VERSION \x01\r\n'],
    ['version', 'VERSION 1\rx'],
    ['stats', 'STAT\r\n'],
    ['stats', 'RESET\r\n'],
    ['stats reset', 'END\r\n'],
    ['mg a', 'VA 1\r\nx\r\n'],
    ['mg a v', 'HD\r\n'],
    ['mg a v', 'VA\r\n'],
    ['mg a v', 'VA x\r\n'],
    ['mg a v', 'VA 1 t5\r\nxy\r\n'],
    ['mn', 'MN \r\n'],
    ['mn', 'M\r\n'],
    ['me a', 'ME\r\n'],
    ['get a', '\r\n'],
    ['get a', '\x80'],
  ]
  for (const [request, answer] of forged) {
    it(`is tainted by, and never delivers, ${JSON.stringify(answer.slice(0, 40))} to ${request.slice(0, 12)}`, () => {
      const proof = after(`${request}\r\n`)
      expect(receive(proof, answer)).toBe(false)
      expect(proof.state).toBe('tainted')
      expect(receive(proof, 'END\r\n')).toBe(false)
      const slowly = after(`${request}\r\n`)
      expect([...answer].map((byte) => receive(slowly, byte)).at(-1)).toBe(false)
    })
  }
})

describe('memcached(): garbage', () => {
  it('never looks reusable after any bytes that were not whole canonical requests', () => {
    const alphabet = fc.constantFrom(
      ...'gets add mn mg incr 019-\r\n\0aq'.split(''),
      'get a\r\n',
      'END\r\n',
      'VALUE ',
    )
    const garbage = fc
      .uint8Array({ minLength: 1, maxLength: 64 })
      .map((bytes) => Buffer.from(bytes).toString('latin1'))
    const likely = fc.string({ unit: alphabet, minLength: 1, maxLength: 40 })
    const valid = /^(?:(?:gets?|mg|incr|add)(?: [^\s\0]+)+\r\n|mn\r\n)+$/
    fc.assert(
      fc.property(fc.oneof(garbage, likely), fc.oneof(garbage, likely), (up, down) => {
        const proof = after(up)
        if (isKept(proof)) return false
        receive(proof, down)
        return !isKept(proof) || valid.test(up)
      }),
      { numRuns: 2_000 },
    )
  })

  it('remembers only numbers after 64 KiB of anything', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 256 }), { minLength: 1, maxLength: 8 }), (pieces) => {
        const begun = ['set a 0 0 60000\r\n', 'get ', 'get a\r\n', 'stats\r\n', 'mg a v\r\n', 'ms a 2 O']
        const replies = ['', '', 'VALUE a 0 60000\r\n', 'STAT a ', 'VA 60000\r\n', '']
        const proofs = begun.map((up, i) => after(up, replies[i]))
        const fresh = shapeOf(open())
        expect(fresh).toMatchObject({ '#first': 'number', '#requests': { '#bytesLeft': 'number' } })
        for (let sent = 0; sent < 65_536; ) {
          for (const bytes of pieces) {
            for (const proof of proofs) {
              proof.up(Buffer.from(bytes))
              proof.down(Buffer.from(bytes))
            }
            sent += bytes.length
          }
        }
        const shape = (proof: object): string =>
          JSON.stringify(shapeOf(proof)).replace(/Array\(\d+\)/g, 'Array')
        for (const proof of proofs) expect(shape(proof).length).toBeLessThan(2 * shape(open()).length)
      }),
      { numRuns: 10 },
    )
  })
})

import type { ReuseProof } from '@relay/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LinesOptions, lines } from '../../src/rules/lines.js'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

function after(options: LinesOptions, up: string, down = ''): ReuseProof {
  const proof = lines(options).open()
  proof.up(bytes(up))
  if (down !== '') proof.down(bytes(down))
  return proof
}

const crlf: LinesOptions = { terminator: '\r\n' }
const either: LinesOptions = { terminator: 'either' }

describe('lines(): states', () => {
  it('is partial, busy and idle again over one request', () => {
    const proof = after({}, 'as')
    expect(proof.state).toBe('partial')
    proof.up(bytes('k\n'))
    expect(proof.state).toBe('busy')
    expect(proof.down(bytes('answer'))).toBe(true)
    expect(proof.state).toBe('busy')
    expect(proof.down(bytes('\n'))).toBe(true)
    expect(proof.state).toBe('idle')
  })

  it('takes an empty line for a request and for a reply', () => {
    expect(after({}, '\n').state).toBe('busy')
    expect(after({}, '\n', '\n').state).toBe('idle')
    expect(after(crlf, '\r').state).toBe('partial')
    expect(after(crlf, '\r\n', '\r\n').state).toBe('idle')
  })

  it('is busy until as many replies as requests have come', () => {
    expect(after({}, 'a\nb\nc\n', '1\n2\n').state).toBe('busy')
    expect(after({}, 'a\nb\nc\n', '1\n2\n3\n').state).toBe('idle')
  })

  it("takes each line's end as it comes where either will do, and counts neither", () => {
    const options = { maxLineBytes: 2, ...either }
    expect(after(options, 'ab\r\nab\n\r\n\n', 'ab\nab\r\n\n\r\n').state).toBe('idle')
    expect(after(options, 'ab\r').state).toBe('partial')
    expect(after(options, 'ab\r\n').state).toBe('busy')
    expect(after(options, 'abc').state).toBe('tainted')
  })

  it('is tainted by a line that is too long, and passes it on', () => {
    const options = { maxLineBytes: 5 }
    expect(after(options, '12345\n', '12345\n').state).toBe('idle')
    for (const proof of [after(options, '123456'), after({ ...options, ...crlf }, '123456\r\n')]) {
      expect(proof.state).toBe('tainted')
      expect(proof.down(bytes('too long\n'))).toBe(true)
    }
    const proof = after(options, 'a\n')
    expect(proof.down(bytes('123456'))).toBe(true)
    expect(proof.down(bytes('7\n'))).toBe(true)
    expect(proof.state).toBe('tainted')
    expect(after({}, 'x'.repeat(65_536)).state).toBe('partial')
    expect(after({}, 'x'.repeat(65_537)).state).toBe('tainted')
  })

  it('counts a line anew, and not its terminator', () => {
    const options = { maxLineBytes: 2, ...crlf }
    expect(after(options, 'ab\r\n'.repeat(9), 'ab\r\n'.repeat(9)).state).toBe('idle')
  })

  it('is tainted by every other terminator, and does not deliver one', () => {
    const cases: ReadonlyArray<readonly [LinesOptions, string]> = [
      [{}, 'a\r\n'],
      [{}, 'a\rb\n'],
      [{}, '\r'],
      [crlf, 'a\n'],
      [crlf, '\n'],
      [crlf, 'a\rb\r\n'],
      [crlf, 'a\r\r\n'],
      [either, 'a\rb\n'],
      [either, 'a\r\r\n'],
    ]
    for (const [options, text] of cases) {
      expect(after(options, text).state, JSON.stringify(text)).toBe('tainted')
      const end = options === crlf ? '\r\n' : '\n'
      const proof = after(options, `a${end}a${end}a${end}`)
      expect(proof.down(bytes(text)), JSON.stringify(text)).toBe(false)
      expect(proof.state).toBe('tainted')
      expect(proof.down(bytes(`x${end}`))).toBe(false)
    }
  })

  it('never delivers what answers nothing', () => {
    for (const up of ['', 'half', 'a\nhalf']) {
      const proof = after({}, up)
      if (up.includes('\n')) expect(proof.down(bytes('1\n'))).toBe(true)
      expect(proof.down(bytes('x'))).toBe(false)
      expect(proof.state).toBe('tainted')
    }
    expect(after({}, 'a\n').down(bytes('1\n\n'))).toBe(false)
  })

  it('is tainted by more than a million requests outstanding', () => {
    const proof = after({}, '\n'.repeat(1_000_000))
    expect(proof.state).toBe('busy')
    proof.up(bytes('\n'))
    expect(proof.state).toBe('tainted')
  })

  it('ignores empty chunks', () => {
    const proof = after({}, '')
    expect(proof.down(Buffer.alloc(0))).toBe(true)
    expect(proof.state).toBe('idle')
  })
})

describe('lines(): boundaries', () => {
  const line = fc.string({ unit: fc.constantFrom(...'ab \0\xff'.split('')), maxLength: 6 })
  const some = fc.array(line, { minLength: 1, maxLength: 6 })

  for (const terminator of ['\n', '\r\n'] as const) {
    it(`are where a split at ${JSON.stringify(terminator)} has them, at every byte`, () => {
      fc.assert(
        fc.property(some, some, (asked, answered) => {
          const up = asked.map((text) => text + terminator).join('')
          const down = answered.map((text) => text + terminator).join('')
          const proof = lines({ terminator }).open()
          for (let at = 1; at <= up.length; at++) {
            proof.up(bytes(up.slice(at - 1, at)))
            expect(proof.state).toBe(up.slice(0, at).split(terminator).at(-1) === '' ? 'busy' : 'partial')
          }
          for (let at = 1; at <= down.length; at++) {
            const before = down.slice(0, at - 1).split(terminator).length - 1
            const whole = down.slice(0, at).split(terminator).length - 1
            expect(proof.down(bytes(down.slice(at - 1, at)))).toBe(before < asked.length)
            if (before >= asked.length) return proof.state === 'tainted'
            expect(proof.state).toBe(whole === asked.length ? 'idle' : 'busy')
          }
          return true
        }),
        { numRuns: 500 },
      )
    })
  }

  it('hold only when every byte is one of them: else the connection is not kept', () => {
    const messy = fc.string({ unit: fc.constantFrom('a', '\n', '\r', '\r\n'), maxLength: 12 })
    fc.assert(
      fc.property(messy, messy, fc.constantFrom('\n', '\r\n', 'either'), (up, down, terminator) => {
        const clean = {
          '\n': /^[^\r]*$/,
          '\r\n': /^(?:[^\r\n]*\r\n)*[^\r\n]*\r?$/,
          either: /^(?:[^\r]|\r(?=\n|$))*$/,
        }
        const end = terminator === 'either' ? '\n' : terminator
        const count = (text: string): number => text.split(end).length - 1
        const whole = (text: string): boolean =>
          clean[terminator].test(text) && (text === '' || text.endsWith(end))
        const { state } = after({ terminator }, up, down)
        expect(state === 'idle').toBe(whole(up) && whole(down) && count(up) === count(down))
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('lines(): options', () => {
  it('are named when they are wrong', () => {
    for (const terminator of ['\r', '', ';', 10, null]) {
      expect(() => lines({ terminator } as never)).toThrow(
        /lines: expected option "terminator" to be '\\n' or/,
      )
    }
    for (const maxLineBytes of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => lines({ maxLineBytes })).toThrow(RangeError)
    }
    expect(() => lines({ maxLineBytes: '5' } as never)).toThrow(TypeError)
    expect(() => lines({ maxLine: 5 } as never)).toThrow(/unknown option "maxLine"/)
    expect(lines({ maxLineBytes: undefined, terminator: undefined }).name).toBe('lines')
  })
})

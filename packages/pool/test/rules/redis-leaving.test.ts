import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redis } from '../../src/rules/redis.js'
import { command, cut, line, open, openResp3 } from './redis-support.js'

const pops = [
  'BLPOP a b 0',
  'BRPOP a 1.5',
  'BRPOPLPUSH a b 0',
  'BLMOVE a b LEFT RIGHT 0',
  'BLMPOP 0 2 a b LEFT COUNT 5',
  'BZPOPMIN a 0',
  'BZPOPMAX a 0',
  'BZMPOP 0 1 a MIN',
]
const reads = [
  'XREAD BLOCK 0 STREAMS s $',
  'XREAD COUNT 5 BLOCK 0 STREAMS s $',
  'XREADGROUP GROUP g c BLOCK 0 STREAMS s >',
  'XREADGROUP GROUP g c COUNT 1 NOACK BLOCK 100 STREAMS s >',
  // It is a group's name, here.
  'XREADGROUP GROUP STREAMS c BLOCK 0 STREAMS s >',
]
const blocking = [...pops, ...reads, 'WAIT 1 0', 'WAITAOF 1 0 0']
const passing = [
  'GET a',
  'LPOP a',
  'XREAD STREAMS s 0',
  'XREADGROUP GROUP g c STREAMS s >',
  'XADD s * block 1',
  'EVAL s 0 BLPOP',
  'SET BLPOP BLOCK',
]

describe('redis(): what ends with its client', () => {
  for (const text of blocking) {
    it(`is ${text}, in any case and cut anywhere, until it is answered`, () => {
      for (const request of [line(text), line(text.toLowerCase())]) {
        for (let at = 0; at < request.length; at++) {
          const proof = open()
          proof.up(request.subarray(0, at))
          expect(proof.endsWithClient).toBe(false)
          proof.up(request.subarray(at))
          expect(proof.endsWithClient, `cut at ${at}`).toBe(true)
          proof.down(Buffer.from('*-1\r'))
          expect(proof.endsWithClient).toBe(true)
          proof.down(Buffer.from('\n'))
          expect(proof.endsWithClient).toBe(false)
          expect(proof.state).toBe('idle')
        }
      }
    })
  }

  for (const text of passing) {
    it(`is not ${text}`, () => {
      const proof = open()
      proof.up(line(text))
      expect(proof.state).toBe('busy')
      expect(proof.endsWithClient).toBe(false)
    })
  }

  it('is told from what is pipelined around it', () => {
    const proof = open()
    proof.up(Buffer.concat([line('GET a'), line('BLPOP k 0'), line('GET b')]))
    proof.down(Buffer.from('$-1\r\n'))
    expect(proof.endsWithClient).toBe(true)
    proof.down(Buffer.from('*-1\r\n'))
    expect(proof.endsWithClient).toBe(false)
    expect(proof.state).toBe('busy')
  })

  const transaction = Buffer.concat([line('MULTI'), line('BLPOP k 0'), line('EXEC')])

  it('is nothing that a transaction has queued', () => {
    const proof = open()
    proof.up(transaction)
    expect(proof.endsWithClient).toBe(false)
    proof.down(Buffer.from('+OK\r\n+QUEUED\r\n*1\r\n*-1\r\n'))
    expect(proof.state).toBe('idle')
    proof.up(line('BLPOP k 0'))
    expect(proof.endsWithClient).toBe(true)
  })

  it('is what follows EXEC, DISCARD or RESET', () => {
    for (const end of ['EXEC', 'DISCARD', 'RESET']) {
      const proof = open()
      proof.up(Buffer.concat([line('MULTI'), line(end), line('BRPOP k 0')]))
      expect(proof.endsWithClient, end).toBe(true)
    }
  })

  it('is what a refused transaction has not queued', () => {
    const proof = open()
    proof.up(transaction)
    proof.down(Buffer.from('-NOPERM no MULTI\r\n'))
    expect(proof.endsWithClient).toBe(true)
    const later = open()
    later.up(line('MULTI'))
    later.down(Buffer.from('-NOPERM no MULTI\r\n'))
    later.up(line('BLPOP k 0'))
    expect(later.endsWithClient).toBe(true)
  })

  it('cannot be declared to be none', () => {
    const proof = redis({ stateless: ['BLPOP', 'xread'] }).open()
    proof.up(line('XREAD BLOCK 0 STREAMS s $'))
    expect(proof.endsWithClient).toBe(true)
  })

  it('is found as by a reader of whole requests, in any pipeline cut anywhere', () => {
    const request = fc.constantFrom(...blocking, ...passing, 'MULTI', 'EXEC', 'SELECT 1')
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (list, cuts) => {
          const proof = open()
          for (const piece of cut(Buffer.concat(list.map(line)), cuts)) proof.up(piece)
          let queues = false
          const expected = list.map((text) => {
            if (text === 'MULTI') queues = true
            if (text === 'EXEC') queues = false
            return blocking.includes(text) && !queues
          })
          for (let answered = 0; answered <= list.length; answered++) {
            expect(proof.endsWithClient).toBe(expected.slice(answered).includes(true))
            proof.down(Buffer.from(':1\r\n'))
          }
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

describe('redis(): the goodbye', () => {
  it('is a QUIT in canonical form at the end of a chunk, in any case', () => {
    for (const name of ['QUIT', 'quit', 'qUiT']) {
      for (const before of [Buffer.alloc(0), line('GET a'), line('MULTI'), Buffer.from('*1\r\n$4\r\n')]) {
        const found = open().goodbye?.(Buffer.concat([before, command(name)]))
        expect(found).toEqual({ bytes: 14, answer: Buffer.from('+OK\r\n') })
      }
    }
    expect(openResp3().goodbye?.(line('QUIT'))?.answer.toString()).toBe('+OK\r\n')
  })

  it('is nothing else', () => {
    const quit = String(line('QUIT'))
    for (const text of [
      ...[
        '',
        'QUIT\r\n',
        'quit\r\n',
        `${quit}\r\n`,
        `${quit}*`,
        quit.slice(1),
        quit.slice(0, -1),
        ` ${quit.slice(1)}`,
      ],
      ...[
        '*1\r\n$04\r\nQUIT\r\n',
        '*2\r\n$4\r\nQUIT\r\n$1\r\na\r\n',
        '*1\r\n$4\r\nQUI\u{fc}\r\n',
        '*1\r\n$4\r\nEXIT\r\n',
      ],
    ]) {
      expect(open().goodbye?.(Buffer.from(text, 'latin1')), JSON.stringify(text)).toBe(undefined)
    }
  })
})

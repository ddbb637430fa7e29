import type { ReuseRule } from '@relay/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../../core/test/support/random.js'
import { http1, lengthPrefixed, lines, memcached, redis } from '../../src/index.js'
import { answer, get, ok } from './http1-support.js'
import { cut, line } from './redis-support.js'

/**
 * A request that a rule cannot vouch for, in two parts: what comes before the byte from which on it can't, and the rest. What comes back
 * is delivered, whatever it is; or only what begins like an answer.
 */
type Tainting = readonly [plausible: string, rest: string, delivered?: 'anything' | 'answers' | undefined]

interface Subject {
  readonly rule: ReuseRule
  readonly exchange: readonly [request: Buffer | string, reply: Buffer | string]
  readonly tainting: Readonly<Record<string, Tainting>>
  /** What random requests and replies are made of. */
  readonly scraps: readonly string[]
}

const array = (...parts: readonly string[]): string =>
  `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`
const after = (request: string, plausible: string, delivered?: Tainting[2]): Tainting => {
  if (!request.startsWith(plausible)) throw new Error(`${request} does not begin like ${plausible}`)
  return [plausible, request.slice(plausible.length), delivered]
}
const head = (...fields: readonly string[]): string => ['POST / HTTP/1.1', ...fields, '', ''].join('\r\n')

const subjects: Readonly<Record<string, Subject>> = {
  redis: {
    rule: redis(),
    exchange: [line('GET a'), '$1\r\nx\r\n'],
    tainting: {
      'an inline command': after('PING\r\n', ''),
      'a count with a zero in front': after('*01\r\n', '*0'),
      'another byte for the LF': after('*1\rX', '*1\r'),
      'a length that is not plain digits': after('*1\r\n$+4\r\nPING\r\n', '*1\r\n$'),
      'a body that is longer than its length': after('*1\r\n$3\r\nPING\r\n', '*1\r\n$3\r\nPIN'),
      'the name of an unknown command': after(array('JSON.SET', 'k', 'x'.repeat(99)), '*3\r\n$8\r\n'),
      'a name that goes on': after(array('GETX', 'k'), '*2\r\n$4\r\nGET'),
      'a name that stops short': after(array('SUBST', 'k'), '*2\r\n$5\r\nSUBST\r'),
      SUBSCRIBE: after(array('SUBSCRIBE', 'c'), '*2\r\n$9\r\nSUBS'),
      'an unknown subcommand': after(array('CLIENT', 'REPLY', 'OFF'), '*3\r\n$6\r\nCLIENT\r\n$5\r\n'),
      'no subcommand': after(array('CLIENT'), '*1\r\n$6\r\nCLIENT\r'),
      'an unknown attribute': after(
        array('CLIENT', 'SETINFO', 'LIB-FOO', 'x'),
        '*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nLIB-',
      ),
      // Each request is known, and the name alone might still be refused.
      'HELLO in a transaction': after(
        array('MULTI') + array('HELLO', '3'),
        `${array('MULTI')}*2\r\n$5\r\nHELLO\r\n$1\r\n3\r`,
      ),
    },
    scraps: [
      '*1\r\n$4\r\nPING\r\n',
      '*2\r\n$3\r\nGET\r\n$1\r\na\r\n',
      '*',
      '$',
      '1',
      '\r\n',
      'MULTI',
      '+OK\r\n',
      '-',
      'x',
    ],
  },
  memcached: {
    rule: memcached(),
    exchange: ['get a\r\n', 'END\r\n'],
    tainting: {
      'the binary protocol': after(`\x80\x0b${'\0'.repeat(22)}`, ''),
      'an unknown command': after('watch fetchers\r\n', ''),
      'a name that goes on': after('getx a\r\n', 'get'),
      capitals: after('GET a\r\n', ''),
      'a quiet store with a number too large': after(
        'set a 4294967296 0 1 noreply\r\nx\r\n',
        'set a 4294967296 0 1 noreply',
      ),
      'a quiet touch': after('touch a noreply\r\n', 'touch a '),
      'a quiet meta command': after('mg a q\r\n', 'mg a '),
      'a lone LF': after('get a\n', 'get a'),
      'a key that is too long': after(`get ${'k'.repeat(251)}\r\n`, `get ${'k'.repeat(250)}`),
      'a data block that is too long': after('set a 0 0 1\r\nxy\r\n', 'set a 0 0 1\r\nx'),
    },
    scraps: [
      'get a\r\n',
      'set a 0 0 2\r\nhi\r\n',
      'mn\r\n',
      'get ',
      'STORED\r\n',
      'END\r\n',
      'MN\r\n',
      '\r\n',
      ' ',
      '0',
    ],
  },
  http1: {
    rule: http1(),
    exchange: [get, ok],
    tainting: {
      'HTTP/2': after('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'PR'),
      'HTTP/2 with a method that is known': after('GET / HTTP/2.0\r\n\r\n', 'GET / HTTP/'),
      'HTTP/0.9': after('GET /a\r\n', 'GET /a'),
      TLS: after('\x16\x03\x01\0\x05hello', ''),
      RTSP: after('OPTIONS * RTSP/1.0\r\n\r\n', 'OPTIONS * '),
      'lower-case http': after('GET / http/1.1\r\n\r\n', 'GET / '),
      'an empty line first': after(`\r\n${get}`, ''),
      'a method that nobody knows': after('SOURCE / HTTP/1.1\r\n\r\n', 'S', 'answers'),
      'a method that stops short': after('GE / HTTP/1.1\r\n\r\n', 'GE', 'answers'),
      CONNECT: after('CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n', 'CONNECT', 'answers'),
      'HTTP/1.0': after('GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.', 'answers'),
      'Connection: close': after(
        head('Connection: close'),
        'POST / HTTP/1.1\r\nConnection: close',
        'answers',
      ),
      Upgrade: after(head('Upgrade: x'), 'POST / HTTP/1.1\r\nUpgrade', 'answers'),
      NTLM: after(head('Authorization: NTLM x'), 'POST / HTTP/1.1\r\nAuthorization: NTLM', 'answers'),
      'both lengths': after(
        head('Content-Length: 1', 'Transfer-Encoding: chunked'),
        'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked',
        'answers',
      ),
      'GET with a body': after(
        'GET / HTTP/1.1\r\nContent-Length: 1\r\nHost: h\r\n\r\nx',
        'GET / HTTP/1.1\r\nContent-Length: 1',
        'answers',
      ),
      'a folded line': after(head('X: a', ' b'), 'POST / HTTP/1.1\r\nX: a\r\n', 'answers'),
      'a chunk that is longer than its size': after(
        `${head('Transfer-Encoding: chunked')}1\r\nxy\r\n`,
        `${head('Transfer-Encoding: chunked')}1\r\nx`,
        'answers',
      ),
    },
    scraps: [
      text(get),
      text(ok),
      ...[
        'GET ',
        'POST ',
        '/ ',
        'HTTP/1.1\r\n',
        'HTTP/1.0\r\n',
        'HTTP/1.1 200 OK\r\n',
        '\r\n',
        'Content-Length: 1\r\n',
        'x',
      ],
    ],
  },
  lines: {
    rule: lines({ maxLineBytes: 8 }),
    exchange: ['ask\n', 'answer\n'],
    tainting: {
      'a CR': after('a\r\n', 'a'),
      'a line that is too long': after('123456789\n', '12345678'),
    },
    scraps: ['a', '\n', '\n\n', '\r', 'abcdefgh', 'i'],
  },
  'lines, by CR LF': {
    rule: lines({ terminator: '\r\n' }),
    exchange: ['ask\r\n', 'answer\r\n'],
    tainting: { 'a lone LF': after('a\n', 'a'), 'a lone CR': after('a\rb\r\n', 'a\r') },
    scraps: ['a', '\r\n', '\n', '\r'],
  },
  lengthPrefixed: {
    rule: lengthPrefixed({
      lengthFieldLength: 2,
      lengthAdjustment: -1,
      initialBytesToStrip: 3,
      maxFrameLength: 9,
    }),
    exchange: ['\0\x02x', '\0\x03xx'],
    tainting: {
      'a frame that is too long': after('\0\x09', '\0'),
      'a frame that ends before its length does': after('\0\0', '\0'),
      'a frame that is shorter than what is stripped': after('\0\x01', '\0'),
    },
    scraps: ['\0', '\x01', '\x02', '\x03x', '\x08', '\x09', '\xff', 'x'],
  },
}

function text(bytes: Buffer): string {
  return bytes.toString('latin1')
}

function bytes(from: string | Buffer): Buffer {
  return typeof from === 'string' ? Buffer.from(from, 'latin1') : from
}

const offsets = fc.array(fc.nat(300), { maxLength: 6 })
const runs = { seed, numRuns: 60 }

describe.each(Object.entries(subjects))('a proof of %s', (_name, { rule, exchange, tainting, scraps }) => {
  const anything = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 24 }).map((some) => Buffer.from(some)),
    fc.array(fc.constantFrom(...scraps), { minLength: 1, maxLength: 8 }).map((some) => bytes(some.join(''))),
  )

  for (const [title, [plausible, rest, delivered = 'anything']] of Object.entries(tainting)) {
    it(`is tainted within up(), with the first byte that it cannot vouch for and however it is cut: ${title}`, () => {
      fc.assert(
        fc.property(fc.nat(3), offsets, anything, (sessions, ups, down) => {
          const proof = rule.open()
          for (let session = 0; session < sessions; session++) {
            proof.up(bytes(exchange[0]))
            expect(proof.down(bytes(exchange[1]))).toBe(true)
            expect(proof.state).toBe('idle')
          }
          let sent = 0
          for (const piece of cut(bytes(plausible + rest), ups)) {
            proof.up(piece)
            sent += piece.length
            if (sent > plausible.length) expect(proof.state).toBe('tainted')
            else expect(proof.state).not.toBe('tainted')
          }
          if (delivered === 'answers') {
            expect(proof.down(answer(400, { body: 'no' }))).toBe(true)
          } else {
            for (const piece of [down, ...cut(down, ups)]) expect(proof.down(piece)).toBe(true)
          }
          expect(proof.state).toBe('tainted')
        }),
        runs,
      )
    })
  }

  it('is in the same state after the same bytes of requests, however they are cut', () => {
    fc.assert(
      fc.property(anything, anything, offsets, (first, second, ups) => {
        const sent = Buffer.concat([first, second])
        const bytewise = rule.open()
        const states = Array.from(sent, (byte) => {
          bytewise.up(Buffer.from([byte]))
          return bytewise.state
        })
        const proof = rule.open()
        let fed = 0
        for (const piece of cut(sent, ups)) {
          proof.up(piece)
          fed += piece.length
          expect(proof.state).toBe(fed === 0 ? 'idle' : states[fed - 1])
        }
      }),
      { seed, numRuns: 1_000 },
    )
  })

  it('delivers nothing any more once a foreign byte has tainted it, and anything or answers once the session has', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), anything), { minLength: 1, maxLength: 8 })
    let [foreign, own] = [0, 0]
    fc.assert(
      fc.property(steps, (fed) => {
        const proof = rule.open()
        let by: 'nobody' | 'the session' | 'its answer' | 'a foreign byte' = 'nobody'
        for (const [isUp, some] of fed) {
          if (isUp) proof.up(some)
          const passes = isUp || proof.down(some)
          if (by === 'a foreign byte') expect(passes).toBe(isUp)
          else if (by === 'the session' && rule.name !== 'http1') expect(passes).toBe(true)
          else if (!passes) by = 'a foreign byte'
          else if (by === 'nobody' && proof.state === 'tainted') by = isUp ? 'the session' : 'its answer'
          if (by !== 'nobody') expect(proof.state).toBe('tainted')
        }
        if (by === 'a foreign byte') foreign++
        if (by === 'the session') own++
      }),
      { seed, numRuns: 1_000 },
    )
    expect(Math.min(foreign, own)).toBeGreaterThan(20)
  })
})

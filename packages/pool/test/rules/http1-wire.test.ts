import fc from 'fast-check'
import { HTTPParser } from 'http-parser-js'
import { describe, expect, it } from 'vitest'
import { answer, get, open, request, slowly } from './http1-support.js'
import { cut } from './redis-support.js'

const text = fc.stringMatching(/^[ -~]{0,20}$/)
const fieldName = fc.constantFrom('Accept', 'X-A', 'Cookie', 'Connectio', 'Content-Lengths', 'A', 'date')
const fields = fc.array(
  fc.tuple(fieldName, text).map(([name, value]) => `${name}: ${value}`),
  { maxLength: 4 },
)
const body = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.constantFrom(...Buffer.from('\r\n0aHTP/1. :')), { maxLength: 60 })
    .map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(get, answer(200), answer(100)),
)
const framed = fc
  .record({
    fields,
    body,
    chunks: fc.option(fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 4 }), { nil: undefined }),
    extension: fc.constantFrom('', ';a', ';a=b', ';a="b; c"'),
    trailer: fields,
  })
  .map((message) => message)
const withBody = fc.constantFrom('POST', 'PUT', 'PATCH', 'PROPFIND', 'OPTIONS')
const bodiless = fc.constantFrom('GET', 'HEAD', 'DELETE', 'TRACE', 'OPTIONS', 'POST')
const target = fc.constantFrom('/', '/a?b=c', '*', 'http://h/a', '/%20~;,:')

/** What goes up, and what comes down for it: interim answers and the final one. */
interface Exchange {
  readonly up: Buffer
  readonly down: Buffer
  /** Where the final answer begins in `down`. */
  readonly final: number
}

const sent = fc.oneof(
  fc
    .tuple(withBody, target, framed)
    .map(([method, to, message]) => ({ method, up: request(`${method} ${to}`, message) })),
  fc
    .tuple(bodiless, target, fields)
    .map(([method, to, list]) => ({ method, up: request(`${method} ${to}`, { fields: list }) })),
)
const status = fc.constantFrom(200, 201, 206, 301, 404, 500)
const framing = fc.constantFrom(['Content-Length: 7'], ['Transfer-Encoding: chunked'], [])
const exchange: fc.Arbitrary<Exchange> = fc
  .tuple(
    sent,
    status,
    framed,
    framing,
    fc.array(fc.constantFrom(100, 102, 103), { maxLength: 2 }),
    fc.constantFrom(0, 204, 304),
  )
  .map(([{ method, up }, code, message, silent, interim, none]) => {
    const before = Buffer.concat(interim.map((one) => answer(one)))
    const last =
      none > 0
        ? answer(none, { fields: none === 304 ? silent : [] })
        : method === 'HEAD'
          ? answer(code, { fields: silent, body: undefined })
          : answer(code, message)
    return { up, down: Buffer.concat([before, last]), final: before.length }
  })
const exchanges = fc.array(exchange, { minLength: 1, maxLength: 5 })
const offsets = fc.array(fc.nat(), { maxLength: 12 })

/** Where http-parser-js says that each message of a stream ends; of answers the final ones. */
function theirEnds(type: 'REQUEST' | 'RESPONSE', stream: Buffer, heads: readonly boolean[] = []): number[] {
  const ends: number[] = []
  const parser = new HTTPParser(type)
  let at = 0
  let code = 0
  parser[HTTPParser.kOnHeadersComplete] = (info) => {
    code = info.statusCode
    return type === 'RESPONSE' && (heads[ends.length] === true || code === 204 || code === 304) ? 1 : 0
  }
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (type === 'REQUEST' || code >= 200) ends.push(at + 1)
  }
  for (; at < stream.length; at++) {
    const outcome: unknown = parser.execute(Buffer.from(stream.subarray(at, at + 1)))
    if (outcome instanceof Error) throw outcome
  }
  return ends
}

describe('http1(): boundaries', () => {
  it('of requests are where http-parser-js says', () => {
    fc.assert(
      fc.property(exchanges, (list) => {
        const stream = Buffer.concat(list.map(({ up }) => up))
        const proof = open()
        const ours: number[] = []
        for (let at = 0; at < stream.length; at++) {
          proof.up(stream.subarray(at, at + 1))
          if (proof.state === 'busy') ours.push(at + 1)
          else expect(proof.state).toBe('partial')
        }
        expect(ours).toEqual(theirEnds('REQUEST', stream))
        expect(ours).toHaveLength(list.length)
      }),
      { numRuns: 400 },
    )
  })

  it('of answers are where http-parser-js says', () => {
    fc.assert(
      fc.property(exchanges, (list) => {
        const stream = Buffer.concat(list.map(({ down }) => down))
        const proof = open()
        const ours: number[] = []
        let from = 0
        for (const { up, down } of list) {
          proof.up(up)
          for (let at = 0; at < down.length; at++) {
            expect(proof.down(down.subarray(at, at + 1))).toBe(true)
            if (proof.state === 'idle') ours.push(from + at + 1)
            else expect(proof.state).toBe('busy')
          }
          from += down.length
        }
        const heads = list.map(({ up }) => up.subarray(0, 5).toString() === 'HEAD ')
        expect(ours).toEqual(theirEnds('RESPONSE', stream, heads))
        expect(ours).toHaveLength(list.length)
      }),
      { numRuns: 400 },
    )
  })

  it('are the same however pipelines are cut', () => {
    fc.assert(
      fc.property(exchanges, offsets, offsets, (list, ups, downs) => {
        const proof = open()
        for (const piece of cut(Buffer.concat(list.map(({ up }) => up)), ups)) proof.up(piece)
        expect(proof.state).toBe('busy')
        const pieces = cut(Buffer.concat(list.map(({ down }) => down)), downs)
        expect(pieces.every((piece) => proof.down(piece))).toBe(true)
        expect(proof.state).toBe('idle')
        expect(proof.down(Buffer.from('H'))).toBe(false)
      }),
      { numRuns: 400 },
    )
  })

  it('are surplus from the first byte too many, wherever they are cut', () => {
    fc.assert(
      fc.property(exchanges, exchange, offsets, (list, surplus, downs) => {
        const proof = open()
        for (const { up } of list) proof.up(up)
        const stream = Buffer.concat([...list, surplus].map(({ down }) => down))
        const delivered = cut(stream, downs).map((piece) => proof.down(piece))
        expect(delivered.at(-1)).toBe(false)
        expect(proof.state).toBe('tainted')
      }),
      { numRuns: 200 },
    )
  })

  it('decide whether an answer was early, at every byte of its request', () => {
    fc.assert(
      fc.property(exchange, ({ up, down, final }) => {
        for (let at = 1; at < up.length; at++) {
          const proof = open()
          proof.up(up.subarray(0, at))
          const whole = up.subarray(0, at).includes('\r\n\r\n')
          const delivered = proof.down(down)
          expect(proof.state).toBe('tainted')
          if (whole) expect(delivered).toBe(true)
          else expect(delivered).toBe(final === 0 && (down[9] as number) >= 0x34)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('http1(): a stream with one byte changed', () => {
  it('has the boundaries that http-parser-js finds, if it is followed at all', () => {
    let followed = 0
    fc.assert(
      fc.property(exchanges, fc.nat(), fc.integer({ min: 0, max: 127 }), (list, where, byte) => {
        const stream = Buffer.concat(list.map(({ up }) => up))
        stream[where % stream.length] = byte
        const proof = open()
        const ours: number[] = []
        for (let at = 0; at < stream.length; at++) {
          proof.up(stream.subarray(at, at + 1))
          if (proof.state === 'tainted') return
          if (proof.state === 'busy') ours.push(at + 1)
        }
        followed++
        expect(theirEnds('REQUEST', stream)).toEqual(ours)
      }),
      { numRuns: 1_000 },
    )
    expect(followed).toBeGreaterThan(50)
    expect(slowly(open(), 'down', '')).toBe(true)
  })
})

import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { command, cut, line, open, openResp3 } from './redis-support.js'

type Parser = new (handlers: {
  returnReply(reply: unknown): void
  returnError(error: Error): void
  returnFatalError(error: Error): void
}) => { execute(chunk: Buffer): void }
// It has no declarations.
const RedisParser = createRequire(import.meta.url)('redis-parser') as Parser

const CRLF = Buffer.from('\r\n')
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.constantFrom(...Buffer.from('\r\n$*+-:>_0123')), { maxLength: 40 }),
)
const offsets = fc.array(fc.nat(), { maxLength: 12 })

/** Everything in a simple string or an error: no CR, no LF. */
const text = fc.string({ maxLength: 12 }).map((value) => value.replace(/[\r\n]/g, ' '))
const bulk = (type: string) =>
  bytes.map((body) => Buffer.concat([Buffer.from(`${type}${body.length}\r\n`), Buffer.from(body), CRLF]))
const encoded = (value: fc.Arbitrary<string>) => value.map((reply) => Buffer.from(`${reply}\r\n`))

const resp2Leaf = fc.oneof(
  encoded(text.map((value) => `+${value}`)),
  encoded(text.map((value) => `-${value}`)),
  encoded(fc.integer().map((value) => `:${value}`)),
  encoded(fc.constantFrom('$-1', '*-1', '*0', '$0\r\n', '+OK')),
  bulk('$'),
)
const resp2 = nested(resp2Leaf, (value) => [listOf('*', 1, value)])

const double = fc.oneof(fc.double().map(String), fc.constantFrom('inf', '-inf', 'nan', '1.5e+10', '10'))
const resp3Leaf = fc.oneof(
  resp2Leaf,
  encoded(fc.constantFrom('_', '#t', '#f', '%0', '~0')),
  encoded(double.map((value) => `,${value.replace('Infinity', 'inf').replace('NaN', 'nan')}`)),
  encoded(fc.bigInt().map((value) => `(${value}`)),
  bulk('!'),
  bulk('='),
)
const resp3 = nested(resp3Leaf, (value) => [
  listOf('*', 1, value),
  listOf('~', 1, value),
  listOf('%', 2, value),
  fc.tuple(listOf('|', 2, value), value).map((parts) => Buffer.concat(parts)),
])

/** Values of up to four levels, the leaf's counted. */
function nested(
  leaf: fc.Arbitrary<Buffer>,
  containers: (value: fc.Arbitrary<Buffer>) => fc.Arbitrary<Buffer>[],
) {
  let value = leaf
  for (let level = 0; level < 3; level++) value = fc.oneof(leaf, ...containers(value))
  return value
}

function listOf(type: string, perEntry: number, value: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .array(fc.array(value, { minLength: perEntry, maxLength: perEntry }), { maxLength: 3 })
    .map((entries) => Buffer.concat([Buffer.from(`${type}${entries.length}\r\n`), ...entries.flat()]))
}

/** How many bytes a proof takes until it counts another reply, for all replies: their boundaries. */
function boundariesOf(proof: ReturnType<typeof open>, stream: Buffer, replies: number): number[] {
  const found: number[] = []
  proof.up(line('PING'))
  for (let at = 0; at < stream.length; at++) {
    if (!proof.down(stream.subarray(at, at + 1))) throw new Error(`refused at ${at}`)
    if (proof.state === 'busy') continue
    found.push(at + 1)
    if (found.length < replies) proof.up(line('PING'))
  }
  return found
}

describe('redis(): replies', () => {
  it('end where redis-parser says they end', () => {
    fc.assert(
      fc.property(fc.array(resp2, { minLength: 1, maxLength: 6 }), (replies) => {
        const stream = Buffer.concat(replies)
        const theirs: number[] = []
        let at = 0
        const count = () => theirs.push(at + 1)
        const fatal = (error: Error) => {
          throw error
        }
        const parser = new RedisParser({ returnReply: count, returnError: count, returnFatalError: fatal })
        for (; at < stream.length; at++) parser.execute(Buffer.from(stream.subarray(at, at + 1)))
        expect(boundariesOf(open(), stream, replies.length)).toEqual(theirs)
        expect(theirs).toHaveLength(replies.length)
      }),
      { numRuns: 500 },
    )
  })

  it('end where they were built to end, in RESP3 too', () => {
    fc.assert(
      fc.property(fc.array(resp3, { minLength: 1, maxLength: 6 }), (replies) => {
        let end = 0
        const built = replies.map((reply) => (end += reply.length))
        expect(boundariesOf(openResp3(), Buffer.concat(replies), replies.length)).toEqual(built)
      }),
      { numRuns: 500 },
    )
  })

  it('are counted alike however they are cut', () => {
    fc.assert(
      fc.property(fc.array(resp3, { minLength: 1, maxLength: 8 }), offsets, (replies, ends) => {
        const proof = openResp3()
        for (const _ of replies) proof.up(line('PING'))
        const pieces = cut(Buffer.concat(replies), ends)
        expect(pieces.every((piece) => proof.down(piece))).toBe(true)
        expect(proof.state).toBe('dirty')
        expect(proof.down(Buffer.from('\n'))).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it('are surplus from the first byte too many, wherever they are cut', () => {
    fc.assert(
      fc.property(fc.array(resp2, { minLength: 2, maxLength: 4 }), offsets, (replies, ends) => {
        const proof = open()
        for (const _ of replies.slice(1)) proof.up(line('PING'))
        const delivered = cut(Buffer.concat(replies), ends).map((piece) => proof.down(piece))
        expect(delivered.at(-1)).toBe(false)
        expect(proof.state).toBe('tainted')
      }),
      { numRuns: 500 },
    )
  })
})

const names = [
  'GET',
  'set',
  'HELLO',
  'MULTI',
  'EXEC',
  'client',
  'CLIENT',
  'SELECT',
  'nope',
  'SUBSCRIBE',
  'RESET',
  '',
]
const subcommands = ['LIST', 'setname', 'TRACKING', 'REPLY', 'maint_notifications', 'li', '']
const request = fc
  .tuple(fc.constantFrom(...names), fc.constantFrom(...subcommands), fc.array(bytes, { maxLength: 3 }))
  .map(([name, subcommand, rest]) => command(name, subcommand, ...rest.map((value) => Buffer.from(value))))
const requests = fc.array(request, { minLength: 1, maxLength: 6 })

describe('redis(): requests', () => {
  it('leave the same state however they are cut', () => {
    fc.assert(
      fc.property(requests, offsets, fc.nat(), (list, ends, until) => {
        const all = Buffer.concat(list)
        const stream = all.subarray(0, until % (all.length + 1))
        const whole = open()
        whole.up(stream)
        const bytewise = open()
        for (let at = 0; at < stream.length; at++) bytewise.up(stream.subarray(at, at + 1))
        const pieces = open()
        for (const piece of cut(stream, ends)) pieces.up(piece)
        expect([bytewise.state, pieces.state]).toEqual([whole.state, whole.state])
        for (const proof of [whole, bytewise, pieces])
          for (const _ of list) proof.down(Buffer.from('+OK\r\n'))
        expect([bytewise.state, pieces.state]).toEqual([whole.state, whole.state])
      }),
      { numRuns: 1_000 },
    )
  })

  it('are partial at every cut but between two of them', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 4 }), fc.array(bytes, { maxLength: 4 }), (first, second) => {
        const list = [first, second].map((rest) =>
          command('MSET', ...rest.map((value) => Buffer.from(value))),
        )
        const proof = open()
        for (const one of list) {
          for (let at = 0; at < one.length; at++) {
            proof.up(one.subarray(at, at + 1))
            if (proof.state !== (at + 1 < one.length ? 'partial' : 'busy')) return false
          }
        }
        return true
      }),
    )
  })
})

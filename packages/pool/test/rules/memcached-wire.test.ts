import type { ReuseProof } from '@relay/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { open, receive } from './memcached-support.js'

/* The reference: regular expressions on the whole text. */

const K = String.raw`[^\x00-\x20\x7f]{1,250}`
const N = String.raw`(?:0|[1-9]\d{0,19})`
const F = String.raw`[bcCDEfFhIJklLMNOPRsStTuvx][^\x00-\x20\x7f]{0,249}`
const requestLines = [
  `gets?(?: ${K})+ ?`,
  `gats? -?${N}(?: ${K})+ ?`,
  `(?:set|add|replace|append|prepend) ${K} ${N} -?${N} (?<classic>${N})`,
  `cas ${K} ${N} -?${N} (?<cas>${N}) ${N}`,
  `delete ${K}|touch ${K} -?${N}|(?:incr|decr) ${K} ${N}|version|verbosity ${N}|flush_all(?: ${N})?`,
  `stats(?: (?:items|slabs|sizes|settings|conns|reset)?)?`,
  `m[gdae] ${K}(?: ${F})*|mn`,
  `ms ${K} (?<meta>${N})(?: ${F})*`,
].map((line) => new RegExp(`^(?:${line})\r\n`))

/** Where the first request ends; `undefined`: not yet, or nowhere. */
function requestEnd(text: string): number | undefined {
  for (const line of requestLines) {
    const match = line.exec(text)
    if (match === null) continue
    const { classic, cas, meta } = match.groups ?? {}
    const length = classic ?? cas ?? meta
    if (length === undefined) return match[0].length
    const end = match[0].length + Number(length)
    return text.slice(end, end + 2) === '\r\n' ? end + 2 : undefined
  }
  return undefined
}

/** Where the answer to a request of this name ends. */
function answerEnd(name: string, text: string): number {
  let at = 0
  for (;;) {
    const end = text.indexOf('\r\n', at) + 2
    const [word, ...rest] = text.slice(at, end - 2).split(' ')
    at = end
    if (word === 'VALUE') at += Number(rest[2]) + 2
    else if (word === 'VA') return at + Number(rest[0]) + 2
    else if (word !== 'STAT' || !name.startsWith('stats')) return at
  }
}

/* What is generated. */

const key = fc.string({
  unit: fc.constantFrom(...'abcgets019-_:/~\x80\xff!'.split('')),
  minLength: 1,
  maxLength: 12,
})
const value = fc.string({
  unit: fc.constantFrom(...'\r\n\0 aVALUEND01\xff'.split(''), '\r\nEND\r\n'),
  maxLength: 12,
})
const number = fc.bigInt(0n, 2n ** 64n - 1n).map(String)
const expiry = fc.integer({ min: -5, max: 2_592_000 }).map(String)
const flag = fc.constantFrom('b', 'c', 'k', 't', 'v', 'Oq', 'T30', 'ME', 'N0', 'I', 'C5')
const flags = fc.array(flag, { maxLength: 4 }).map((list) => list.map((one) => ` ${one}`).join(''))

const request = fc.oneof(
  fc
    .tuple(fc.constantFrom('get', 'gets', 'gat 0', 'gats -1'), fc.array(key, { minLength: 1, maxLength: 3 }))
    .map(([name, keys]) => `${name} ${keys.join(' ')}\r\n`),
  fc
    .tuple(fc.constantFrom('set', 'add', 'replace', 'append', 'prepend'), key, expiry, value)
    .map(([name, k, e, v]) => `${name} ${k} 7 ${e} ${v.length}\r\n${v}\r\n`),
  fc.tuple(key, value, number).map(([k, v, n]) => `cas ${k} 0 0 ${v.length} ${n}\r\n${v}\r\n`),
  fc.tuple(key, value, flags).map(([k, v, f]) => `ms ${k} ${v.length}${f}\r\n${v}\r\n`),
  fc.tuple(fc.constantFrom('mg', 'md', 'ma', 'me'), key, flags).map(([name, k, f]) => `${name} ${k}${f}\r\n`),
  fc.tuple(fc.constantFrom('incr', 'decr'), key, number).map((parts) => `${parts.join(' ')}\r\n`),
  fc.tuple(key, expiry).map(([k, e]) => `touch ${k} ${e}\r\n`),
  key.map((k) => `delete ${k}\r\n`),
  fc
    .constantFrom('mn', 'version', 'flush_all', 'flush_all 1', 'verbosity 0', 'stats', 'stats items')
    .map((line) => `${line}\r\n`),
)
const requests = fc.array(request, { minLength: 1, maxLength: 6 })

const text = fc.string({ unit: fc.constantFrom(...'abc =:\xff'.split('')), maxLength: 9 })
const values = (cas: string) =>
  fc
    .array(fc.tuple(key, number, value), { maxLength: 3 })
    .map(
      (list) => `${list.map(([k, n, v]) => `VALUE ${k} ${n} ${v.length}${cas}\r\n${v}\r\n`).join('')}END\r\n`,
    )
const exchange = fc.oneof(
  values('').map((answer) => ({ request: 'get a b c\r\n', answer })),
  values(' 123').map((answer) => ({ request: 'gets a b c\r\n', answer })),
  fc
    .array(text, { maxLength: 3 })
    .map((list) => ({ request: 'stats\r\n', answer: `${list.map((t) => `STAT ${t}\r\n`).join('')}END\r\n` })),
  fc
    .tuple(value, text)
    .map(([v, t]) => ({ request: 'mg a v\r\n', answer: `VA ${v.length} ${t}\r\n${v}\r\n` })),
  text.map((t) => ({ request: 'version\r\n', answer: `VERSION ${t}\r\n` })),
  number.map((n) => ({ request: 'incr a 1\r\n', answer: `${n}\r\n` })),
  fc
    .constantFrom('STORED', 'NOT_STORED')
    .map((word) => ({ request: 'set a 0 0 0\r\n\r\n', answer: `${word}\r\n` })),
  fc
    .constantFrom('HD', 'NS', 'EX', 'NF')
    .map((word) => ({ request: 'ms a 0\r\n\r\n', answer: `${word} k\r\n` })),
)
const exchanges = fc.array(exchange, { minLength: 1, maxLength: 5 })

/** The states after each byte. */
function statesOf(proof: ReuseProof, stream: string): string[] {
  return [...stream].map((byte) => {
    proof.up(Buffer.from(byte, 'latin1'))
    return proof.state
  })
}

describe('memcached(): requests', () => {
  it('end where regular expressions say they end, at every byte', () => {
    fc.assert(
      fc.property(requests, (list) => {
        const stream = list.join('')
        const ends = new Set<number>()
        for (let at = 0; at < stream.length; ) {
          const end = requestEnd(stream.slice(at))
          if (end === undefined) throw new Error(`the reference refuses ${JSON.stringify(stream.slice(at))}`)
          at += end
          ends.add(at)
        }
        expect(statesOf(open(), stream)).toEqual(
          [...stream].map((_, at) => (ends.has(at + 1) ? 'busy' : 'partial')),
        )
      }),
      { numRuns: 1_000 },
    )
  })

  it('are seen as the reference sees them after a byte was lost, doubled or changed, and cut anywhere', () => {
    const change = fc.tuple(fc.nat(), fc.constantFrom('lose', 'double', ...'\r\n 0-q\0a'.split('')), fc.nat())
    fc.assert(
      fc.property(requests, change, (list, [place, how, cut]) => {
        const whole = list.join('')
        const at = place % whole.length
        const insert = how === 'lose' ? '' : how === 'double' ? `${whole[at]}${whole[at]}` : how
        const stream = whole.slice(0, at) + insert + whole.slice(at + 1)
        let rest = stream
        for (let end = requestEnd(rest); end !== undefined && rest !== ''; end = requestEnd(rest))
          rest = rest.slice(end)
        const proof = open()
        const middle = cut % (stream.length + 1)
        proof.up(Buffer.from(stream.slice(0, middle), 'latin1'))
        proof.up(Buffer.from(stream.slice(middle), 'latin1'))
        if (rest === '') return proof.state === 'busy' || stream === ''
        // A line that has ended and was refused can't become a request any more.
        const over = /^[^\r\n]*\r\n/.test(rest) && !/^(?:set|add|replace|append|prepend|cas|ms) /.test(rest)
        return proof.state === 'tainted' || (!over && proof.state === 'partial')
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('memcached(): answers', () => {
  it('end where the reference and their builder say they end, at every byte', () => {
    fc.assert(
      fc.property(exchanges, (list) => {
        const proof = open()
        for (const one of list) {
          proof.up(Buffer.from(one.request))
          expect(answerEnd(one.request, `${one.answer}END\r\n`)).toBe(one.answer.length)
          const states = [...one.answer].map((byte) => (receive(proof, byte) ? proof.state : 'refused'))
          expect(states).toEqual(
            [...one.answer].map((_, at) => (at + 1 < one.answer.length ? 'busy' : 'idle')),
          )
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('are counted alike however they are cut, and are surplus from the first byte too many', () => {
    fc.assert(
      fc.property(exchanges, fc.array(fc.nat(), { maxLength: 8 }), (list, cuts) => {
        const stream = list.map(({ answer }) => answer).join('')
        const proof = open()
        proof.up(Buffer.from(list.map((one) => one.request).join('')))
        const ends = [...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length]
        ends.reduce((from, to) => {
          expect(receive(proof, stream.slice(from, to))).toBe(true)
          return to
        }, 0)
        expect(proof.state).toBe('idle')
        expect(receive(proof, '\n')).toBe(false)
        expect(proof.state).toBe('tainted')
      }),
      { numRuns: 500 },
    )
  })
})

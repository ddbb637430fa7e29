import type { ReuseRule } from '@relay/core'
import type { random } from '../../../core/test/support/random.js'
import { lengthPrefixed } from '../../src/rules/length-prefixed.js'
import { lines } from '../../src/rules/lines.js'
import { memcached } from '../../src/rules/memcached.js'

interface Asked {
  readonly request: string
  readonly reply: string
}

/** A protocol as the crowd and the hostile server speak it; all text is Latin-1. */
export interface Protocol {
  readonly name: string
  readonly rule: ReuseRule
  /** Something to ask for, whose answer says who has asked. */
  ask(id: string, rng: ReturnType<typeof random>): Asked
  /** Where the first request ends, or -1. */
  end(text: string): number
  answer(request: string): string
  /** Unasked bytes. */
  stray(id: string, rng: ReturnType<typeof random>): string
}

type Rng = ReturnType<typeof random>

const value = (id: string, rng: Rng): string => id.repeat(1 + rng.int(rng.int(30) === 0 ? 5_000 : 40))

function speaking(
  name: string,
  rule: ReuseRule,
  parts: Pick<Protocol, 'end' | 'answer'> & { requests(id: string, rng: Rng): readonly string[] },
  strays: (id: string) => readonly string[],
): Protocol {
  return {
    name,
    rule,
    end: parts.end,
    answer: parts.answer,
    ask(id, rng) {
      const request = rng.pick(parts.requests(id, rng))
      return { request, reply: parts.answer(request) }
    },
    stray: (id, rng) => rng.pick([parts.answer(rng.pick(parts.requests(id, rng))), ...strays(id)]),
  }
}

function endAfter(text: string, terminator: string): number {
  const at = text.indexOf(terminator)
  return at < 0 ? -1 : at + terminator.length
}

const memcachedSpoken = speaking(
  'memcached',
  memcached(),
  {
    // The server knows the length of a value by its key: it stores nothing.
    requests: (id, rng) => {
      const length = value(id, rng).length
      const block = 'x'.repeat(rng.int(60))
      return [
        `get ${id}.${length}\r\n`,
        `gets ${id}.1 ${id}.${length}\r\n`,
        `mg ${id}.${length} v O${id}\r\n`,
        `mg ${id}.${length} k\r\n`,
        `me ${id}\r\n`,
        `set ${id} 0 0 ${block.length}\r\n${block}\r\n`,
        `ms ${id} ${block.length} k T0\r\n${block}\r\n`,
        `delete ${id}\r\n`,
      ]
    },
    end(text) {
      const end = endAfter(text, '\r\n')
      const [name, , ...rest] = text.slice(0, Math.max(0, end - 2)).split(' ')
      const length = name === 'set' ? rest[2] : name === 'ms' ? rest[0] : undefined
      if (end < 0 || length === undefined) return end
      const whole = end + Number(length) + 2
      return text.length < whole ? -1 : whole
    },
    answer(request) {
      const [name = '', ...keys] = request.slice(0, request.indexOf('\r\n')).split(' ')
      const [id = '', length = '0'] = (keys[0] ?? '').split('.')
      const of = (size: string): string =>
        id.repeat(Math.ceil(Number(size) / id.length)).slice(0, Number(size))
      if (name === 'set') return 'STORED\r\n'
      if (name === 'ms') return `HD k${id}\r\n`
      if (name === 'me') return `ME ${id} exp=-1\r\n`
      if (name === 'delete') return 'DELETED\r\n'
      if (name === 'mg') return keys[1] === 'v' ? `VA ${length} O${id}\r\n${of(length)}\r\n` : `HD k${id}\r\n`
      const values = keys.map((key) => {
        const size = key.split('.')[1] ?? '0'
        return `VALUE ${key} 0 ${size}${name === 'gets' ? ' 7' : ''}\r\n${of(size)}\r\n`
      })
      return `${values.join('')}END\r\n`
    },
  },
  (id) => [`ERROR ${id}\r\n`, `SERVER_ERROR ${id}\r\n`, `VALUE ${id}`, `${id}`, '\r\n'],
)

const lineSpoken = speaking(
  'lines',
  lines({ terminator: '\r\n', maxLineBytes: 100_000 }),
  {
    requests: (id, rng) => [`${id}\r\n`, `${value(id, rng)}\r\n`],
    end: (text) => endAfter(text, '\r\n'),
    answer: (request) => `you said ${request}`,
  },
  (id) => [`${id}\r\n`, id, '\r\n'],
)

const framed = (text: string): string => {
  const header = Buffer.from([0xab, 0, 0, 0])
  header.writeUIntBE(text.length + 4, 1, 3)
  return header.toString('latin1') + text
}

const lengthSpoken = speaking(
  'lengthPrefixed',
  lengthPrefixed({
    lengthFieldOffset: 1,
    lengthFieldLength: 3,
    lengthAdjustment: -4,
    initialBytesToStrip: 4,
    maxFrameLength: 100_000,
  }),
  {
    requests: (id, rng) => [framed(id), framed(value(id, rng))],
    end(text) {
      if (text.length < 4) return -1
      const whole = Buffer.from(text.slice(1, 4), 'latin1').readUIntBE(0, 3)
      return text.length < whole ? -1 : whole
    },
    answer: (request) => framed(`you said ${request.slice(4)}`),
  },
  (id) => [framed(id), `\xab\0\0`, framed(id).slice(0, -1)],
)

export const protocols: readonly Protocol[] = [memcachedSpoken, lineSpoken, lengthSpoken]

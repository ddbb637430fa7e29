import type { ProofState, ReuseProof, ReuseRule } from '@relay/core'
import { describe, expect, it } from 'vitest'
import { seed } from '../../../core/test/support/random.js'
import { lengthPrefixed } from '../../src/rules/length-prefixed.js'
import { lines } from '../../src/rules/lines.js'
import { memcached } from '../../src/rules/memcached.js'
import { redis } from '../../src/rules/redis.js'
import { checkRule, type RuleCheck } from '../../src/testing/index.js'
import {
  crlfSamples,
  lengthSamples,
  lineSamples,
  memcachedSamples,
  redisSamples,
} from './rule-kit-samples.js'

// To run another rule through the kit, add it with its samples.
const rules: ReadonlyArray<readonly [title: string, rule: ReuseRule, samples: RuleCheck]> = [
  ['redis()', redis(), redisSamples],
  ['memcached()', memcached(), memcachedSamples],
  ['lines()', lines(), lineSamples],
  ["lines({ terminator: '\\r\\n' })", lines({ terminator: '\r\n' }), crlfSamples],
  ['lengthPrefixed()', lengthPrefixed(), lengthSamples],
]

describe('the rule test kit', () => {
  for (const [title, rule, samples] of rules) {
    it(`finds nothing wrong with ${title}, and no flood of 64 KiB costs more than 10 ms`, () => {
      let report = checkRule(rule, { ...samples, seed })
      // The process may have been busy with something else.
      if (report.flood.wholeMs >= 10) report = checkRule(rule, { ...samples, seed })
      console.log(`${title}: ${JSON.stringify(report)}`)
      expect(report.flood.wholeMs).toBeLessThan(10)
    })
  }

  it('asks for an exchange that leaves the connection idle, and for requests that are not empty', () => {
    expect(() => checkRule(lines(), { exchanges: [] })).toThrow(TypeError)
    expect(() => checkRule(lines(), { exchanges: [{ request: '', reply: '\n' }] })).toThrow(TypeError)
  })

  it('asks for a reset when it is told of the answer to one', () => {
    expect(() => checkRule(lines(), { ...lineSamples, resetReply: '\n' })).toThrow(/has no reset/)
    expect(() => checkRule(lines(), { ...lineSamples, refusedResets: ['\n'] })).toThrow(/has no reset/)
  })
})

/** A rule for lines with one thing wrong. */
interface Flaw {
  readonly up?: (proof: FlawedProof, byte: number) => void
  readonly down?: (proof: FlawedProof, chunk: Buffer) => boolean | undefined
  readonly state?: (proof: FlawedProof) => ProofState | undefined
}

class FlawedProof implements ReuseProof {
  asked = 0
  answered = 0
  half = false
  tainted = false
  foreign = false
  readonly #flaw: Flaw

  constructor(flaw: Flaw) {
    this.#flaw = flaw
  }

  get state(): ProofState {
    const flawed = this.#flaw.state?.(this)
    if (flawed !== undefined) return flawed
    if (this.tainted) return 'tainted'
    return this.half ? 'partial' : this.answered < this.asked ? 'busy' : 'idle'
  }

  up(chunk: Buffer): void {
    for (const byte of chunk) {
      this.half = byte !== 10
      if (byte === 10) this.asked++
      this.#flaw.up?.(this, byte)
    }
  }

  down(chunk: Buffer): boolean {
    const flawed = this.#flaw.down?.(this, chunk)
    if (flawed !== undefined) return flawed
    for (const byte of chunk) {
      if (this.tainted) break
      this.foreign = this.answered === this.asked
      this.tainted = this.foreign
      if (byte === 10) this.answered++
    }
    return !this.foreign
  }
}

const samples: RuleCheck = {
  exchanges: [{ request: 'ask\n', reply: 'answer\n' }],
  leases: 50,
  floodBytes: 999,
}

function problemOf(flaw: Flaw, check: RuleCheck = samples): string {
  try {
    checkRule({ name: 'flawed', open: () => new FlawedProof(flaw) }, check)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'none'
}

describe('the rule test kit finds a rule that', () => {
  it('is flawless to be so', () => {
    expect(problemOf({})).toBe('none')
  })

  const perChunk = (chunk: Buffer): number => (chunk.at(-1) === 10 ? 1 : 0)
  const flaws: Readonly<Record<string, readonly [Flaw, RegExp]>> = {
    'is idle while a request is half sent': [
      { state: (proof) => (proof.half ? 'idle' : undefined) },
      /request cut at 1: expected the state to be "partial"/,
    ],
    'is idle before the answer is whole': [
      {
        down: (proof, chunk) => {
          proof.answered = Math.min(proof.asked, proof.answered + chunk.length)
          return true
        },
      },
      /reply cut at 1: expected the state to be "busy"/,
    ],
    'counts the chunks, not the lines': [
      {
        down: (proof, chunk) => {
          if (chunk.length > 0 && proof.answered === proof.asked) proof.tainted = true
          proof.answered += perChunk(chunk)
          return !proof.tainted
        },
      },
      /and its reply again, in one piece: down\(\) returned true/,
    ],
    'delivers answers to nothing': [
      {
        down: (proof, chunk) => {
          for (const byte of chunk) {
            if (proof.answered === proof.asked) proof.tainted = true
            if (byte === 10) proof.answered++
          }
          return true
        },
      },
      /before any request: down\(\) returned true/,
    ],
    'refuses what answers a request': [{ down: () => false }, /down\(\) returned false/],
    'is dirty instead of idle': [
      {
        state: (proof) => (proof.tainted || proof.half || proof.answered < proof.asked ? undefined : 'dirty'),
      },
      /before the first byte, got "dirty"/,
    ],
    'forgets over one more request that it was tainted': [
      {
        up: (proof, byte) => {
          if (byte !== 10 || !proof.tainted) return
          Object.assign(proof, { tainted: false, foreign: false, asked: 1, answered: 0 })
        },
      },
      /after one more exchange/,
    ],
    'is worn out after some leases': [
      { state: (proof) => (proof.asked > 9 && proof.asked === proof.answered ? 'busy' : undefined) },
      /many leases on one connection \(seed 7\)/,
    ],
    throws: [
      {
        up: () => {
          throw new RangeError('oops')
        },
      },
      /threw RangeError: oops/,
    ],
    'takes anything for an answer in a flood': [
      { state: (proof) => (proof.asked > 30 ? 'idle' : undefined) },
      /garbage/,
    ],
  }
  for (const [title, [flaw, message]] of Object.entries(flaws)) {
    it(title, () => {
      const check = title.includes('flood') ? { ...samples, leases: 1, seed: 7 } : { ...samples, seed: 7 }
      expect(problemOf(flaw, check)).toMatch(message)
    })
  }

  it('counts the answers to its reset without a look at them', () => {
    const rule: ReuseRule = {
      name: 'flawed',
      reset: { send: Buffer.from('reset\n'), timeoutMs: 1_000 },
      open: () => {
        const asked: string[] = []
        const proof = new FlawedProof({
          up: (_proof, byte) => void asked.push(String.fromCharCode(byte)),
          state: ({ tainted, half, answered, asked: all }) => {
            if (tainted || half || answered < all) return undefined
            const sent = asked.join('')
            return sent.lastIndexOf('set a\n') > sent.lastIndexOf('reset\n') ? 'dirty' : undefined
          },
        })
        return proof
      },
    }
    const set = { request: 'set a\n', reply: 'done\n', leaves: 'dirty' } as const
    const check: RuleCheck = { ...samples, exchanges: [...samples.exchanges, set], resetReply: 'done\n' }
    expect(() => checkRule(rule, check)).not.toThrow()
    expect(() => checkRule(rule, { ...check, refusedResets: ['not now\n'] })).toThrow(
      /a reset that is refused: .* after the reset was refused, got "idle"/,
    )
  })

  it('keeps what is forged', () => {
    const forged = [{ name: 'a question', request: 'ask?\n', reply: 'answer\n' }]
    const message = problemOf({}, { ...samples, forged })
    expect(message).toMatch(
      /forged a question, whole: expected the state to be .* after the reply, got "idle"/,
    )
  })

  it('and shows on which bytes', () => {
    const message = problemOf({ state: (proof) => (proof.half ? 'idle' : undefined) })
    expect(message.split('\n').slice(1)).toEqual(['  up   1 B  61  "a"'])
  })
})

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Transform } from 'node:stream'
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
} from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { composeStages } from '../../src/compose-stages.js'
import { flushable, many, type Stage, type Steps } from '../../src/stage.js'
import {
  compress,
  decompress,
  delay,
  limitBytes,
  passThrough,
  record,
  replace,
  slice,
  tap,
  throttle,
} from '../../src/stages/index.js'
import { checkStage, runStage, type StageCheck } from '../../src/testing/index.js'
import { random, seed } from '../support/random.js'

const { int } = random(seed)
const data = Buffer.from(Array.from({ length: 5_000 }, () => int(256)))
const text = 'a needle in a haystack: needle, needl, nneedle, nee'
const same = both({ input: data })

const folder = mkdtempSync(join(tmpdir(), 'relay-record-'))
afterAll(() => rmSync(folder, { recursive: true }))
const recording = record({ path: join(folder, 'lines') })
afterAll(() => recording.close())

// One for each file of src/stages, at least.
const BUILT_IN: Readonly<Record<string, Omit<StageCheck, 'seed'>>> = {
  'pass-through': { stage: passThrough, examples: same },
  tap: { stage: () => tap({ write: () => {} }), examples: same },
  'tap in hex': { stage: () => tap({ write: () => {}, format: 'hex' }), examples: same },
  throttle: { stage: () => throttle({ bytesPerSecond: 10_000_000 }), examples: same },
  delay: { stage: () => delay({ ms: 1, jitterMs: 1 }), examples: same },
  slice: { stage: () => slice({ bytes: 7 }), examples: same },
  'limit-bytes': {
    stage: () => limitBytes({ bytes: 4_321 }),
    examples: both({ input: data, output: data.subarray(0, 4_321) }),
  },
  replace: {
    stage: () => replace({ from: 'needle', to: 'pin' }),
    examples: [...both({ input: text, output: text.replaceAll('needle', 'pin') }), ...same],
  },
  compress: {
    stage: () => compress(),
    examples: [
      { direction: 'up', input: data, decode: gunzipSync },
      { direction: 'down', input: gzipSync(data), output: data },
    ],
    broken: [
      { direction: 'down', input: 'not gzip at all' },
      { direction: 'down', input: gzipSync(data).subarray(0, 50) },
    ],
  },
  'compress by deflate': {
    stage: () => compress({ algorithm: 'deflate', level: 9 }),
    examples: [
      { direction: 'up', input: data, decode: inflateSync },
      { direction: 'down', input: deflateSync(data), output: data },
    ],
  },
  'compress by brotli': {
    stage: () => compress({ algorithm: 'brotli', level: 1 }),
    examples: [
      { direction: 'up', input: data, decode: brotliDecompressSync },
      { direction: 'down', input: brotliCompressSync(data), output: data },
    ],
  },
  decompress: {
    stage: () => decompress(),
    examples: [
      { direction: 'up', input: gzipSync(data), output: data },
      { direction: 'down', input: data, decode: gunzipSync },
    ],
  },
  record: { stage: () => recording, examples: same },
}

const STEPS: Readonly<Record<string, () => Steps>> = {
  'a function': () => (chunk) => chunk,
  'a function that returns text': () => (chunk) => chunk.toString('latin1').replace(/[^\0-\x7f]/g, '?'),
  'a function that returns several': () => (chunk) => many([chunk.subarray(0, 1), chunk.subarray(1)]),
  'an asynchronous function': () => async (chunk) => chunk,
  'a generator': () =>
    function* (chunk) {
      for (const byte of chunk) yield Buffer.of(byte)
    },
  'an asynchronous generator': () =>
    async function* (chunk) {
      yield chunk.subarray(0, 3)
      yield chunk.subarray(3)
    },
  'a Transform': () => new PassThrough(),
  'a Transform that waits': () =>
    new Transform({ transform: (chunk, _encoding, done) => setImmediate(done, null, chunk) }),
  'a list of them': () => [(chunk) => chunk, new PassThrough(), async (chunk) => chunk, new PassThrough()],
  'a flushable tail': () => {
    let kept: Buffer[] = []
    const take = (): Buffer => {
      const all = Buffer.concat(kept)
      kept = []
      return all
    }
    return flushable((chunk: Buffer) => {
      kept.push(chunk)
      return kept.length < 5 ? undefined : take()
    }, take)
  },
}

describe('every built-in stage', () => {
  test('has a contract test', () => {
    const files = readdirSync(new URL('../../src/stages', import.meta.url)).filter(
      (file) => file !== 'index.ts',
    )
    const names = new Set(Object.keys(BUILT_IN).map((name) => `${name}.ts`))
    expect(files.filter((file) => !names.has(file))).toEqual([])
  })

  test.each(Object.entries(BUILT_IN))('keeps the contract: %s', (_name, check) =>
    checkStage({ ...check, seed }),
  )
})

// The kit's cuts are its own; these are somebody else's, who shrinks them when one fails.
test.each(Object.entries(BUILT_IN))('gives the same for any re-chunking: %s', async (_name, check) => {
  for (const {
    direction,
    input,
    output = input,
    decode = (received: Buffer): Uint8Array => received,
  } of check.examples) {
    const bytes = Buffer.from(input as string)
    const property = fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 40 }), async (cuts) => {
      const at = [0, ...cuts.sort((one, two) => one - two), bytes.length]
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end))
      const received = await runStage(check.stage(), {
        [direction]: chunks.filter(({ length }) => length > 0),
      })
      expect(Buffer.from(decode(received[direction])).equals(Buffer.from(output as string))).toBe(true)
    })
    await fc.assert(property, { seed, numRuns: Number(process.env.FC_RUNS ?? 20) })
  }
})

describe('every kind of step', () => {
  test.each(Object.entries(STEPS))('keeps the contract: %s', async (kind, make) => {
    const stage: Stage = { name: kind, up: make, down: make }
    const examples = kind.includes('text') ? both({ input: text }) : same
    await checkStage({ stage: () => stage, examples, seed })
  })

  test('keeps it in a stage that opens, and in one composed of others', async () => {
    const opened: Stage = {
      name: 'opened',
      open: () => ({ up: () => (chunk) => chunk, down: () => new PassThrough() }),
    }
    await checkStage({ stage: () => opened, examples: same, seed })
    const composed = composeStages(opened, replace({ from: 'needle', to: 'pin' }), compress(), decompress())
    await checkStage({
      stage: () => composed,
      examples: both({ input: text, output: text.replaceAll('needle', 'pin') }),
      maxHeldBytes: 4 * 256 * 1024,
      seed,
    })
  })
})

function both(example: Omit<StageCheck['examples'][number], 'direction'>): StageCheck['examples'] {
  return [
    { ...example, direction: 'up' },
    { ...example, direction: 'down' },
  ]
}

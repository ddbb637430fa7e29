import { expect, test } from 'vitest'
import { run } from '../../src/main.js'
import { fakeIo } from '../support/fake-io.js'

const aStage =
  /expected a stage \(pass, tap, throttle, delay, slice, limit, replace, compress, decompress, record\) or the path of a module with a \/ in it \(\.\/upper\.mjs\)/
const aRate = /expected a rate such as 512B\/s, 64KiB\/s or 1MiB\/s/
const aSize = /expected a size (such as|from 1B)/
const aLatency = /expected a duration such as 200ms or 1\.5s, or 200ms±50ms/

// the spec, the stage and the argument that the line names, its value, and what it says is accepted
const wrong: readonly [string, string, string, RegExp][] = [
  ['upper', '', "'upper'", aStage],
  ['', '', "''", aStage],
  ['throttel:1MiB/s', '', "'throttel:1MiB/s'", aStage],
  ['constructor', '', "'constructor'", aStage],
  ['pass:x', 'pass', "'x'", /expected no argument/],
  ['tap:json', 'tap: format', "'json'", /expected text or hex/],
  ['tap:', 'tap: format', "''", /expected text or hex/],
  ['tap:text,hex', 'tap', "'hex'", /expected format alone/],
  ['throttle', 'throttle: rate', "'throttle'", /expected throttle:RATE\[,burst=SIZE\]/],
  ['throttle:', 'throttle: rate', "''", aRate],
  ['throttle:1MiB', 'throttle: rate', "'1MiB'", aRate],
  ['throttle:0/s', 'throttle: rate', "'0/s'", aRate],
  ['throttle:fast/s', 'throttle: rate', "'fast/s'", aRate],
  ['throttle:1B/s,brust=1', 'throttle', "'brust=1'", /expected burst=…/],
  ['throttle:1B/s,64KiB', 'throttle', "'64KiB'", /expected burst=…/],
  ['throttle:1B/s,burst=0', 'throttle: burst', "'0'", aSize],
  ['throttle:1B/s,burst=1,burst=2', 'throttle: burst', "'2'", /expected one value/],
  ['delay', 'delay: time', "'delay'", /expected delay:TIME\[±JITTER\]\[,seed=N\]/],
  ['delay:soon', 'delay: time', "'soon'", aLatency],
  ['delay:1s±x', 'delay: time', "'1s±x'", aLatency],
  ['delay:1s±1s±1s', 'delay: time', "'1s±1s±1s'", aLatency],
  ['delay:1s,seed=-1', 'delay: seed', "'-1'", /expected a whole number, 0 or more/],
  ['slice:0', 'slice: bytes', "'0'", aSize],
  ['slice:1KB', 'slice: bytes', "'1KB'", aSize],
  ['limit:-1', 'limit: bytes', "'-1'", aSize],
  ['replace:ab', 'replace: bytes', "'ab'", /expected FROM=TO, where \\= is a = that does not divide/],
  ['replace:=b', 'replace: bytes', "'=b'", /expected FROM=TO/],
  [String.raw`replace:a\=b`, 'replace: bytes', String.raw`'a\\=b'`, /expected FROM=TO/],
  [
    String.raw`replace:\q=b`,
    'replace: bytes',
    String.raw`'\q'`,
    /expected \\=, \\\\, \\n, \\r, \\t, \\0 or \\xNN/,
  ],
  [
    String.raw`replace:a=\x1`,
    'replace: bytes',
    String.raw`'\x1'`,
    /expected \\=, \\\\, \\n, \\r, \\t, \\0 or \\xNN/,
  ],
  [String.raw`replace:a=b\\\ `.trim(), 'replace: bytes', String.raw`'\'`, /or \\xNN/],
  ['compress:zip', 'compress: algorithm', "'zip'", /expected gzip or deflate or brotli/],
  ['compress:gzip,level=x', 'compress: level', "'x'", /expected a whole number, 0 or more/],
  ['compress:gzip,level=10', 'compress: .*"level"', '10', /from 0 to 9 for gzip/],
  ['decompress:brotli,level=12', 'decompress: .*"level"', '12', /from 0 to 11 for brotli/],
  ['record:', 'record: file', "''", /expected a file name/],
  ['record', 'record: file', "'record'", /expected record:FILE/],
]

const cases = wrong.map((row, index) => [['--stage', '--up', '--down'][index % 3] ?? '', ...row] as const)

test.each(cases)('%s %s: one line, exit 2', async (flag, spec, stage, value, accepts) => {
  const io = fakeIo()
  const exitCode = await run(['forward', '0', '1', flag, spec], io)
  expect({ exitCode, out: io.out.all, lines: io.err.all.length }).toEqual({ exitCode: 2, out: [], lines: 1 })
  const [line = ''] = io.err.all
  expect(line).toMatch(new RegExp(`^relay forward: ${flag}: ${stage}`))
  expect(line).toContain(`got ${value}`)
  expect(line).toMatch(accepts)
  expect(line).toMatch(/; see relay forward --help$/)
})

test('a file that cannot be recorded to: one line, exit 1', async () => {
  const io = fakeIo()
  expect(await run(['forward', '0', '1', '--stage', 'record:/no/such/folder'], io)).toBe(1)
  expect(io.err.all).toEqual([
    expect.stringMatching(/^relay forward: --stage: record: cannot open \/no\/such\/folder: ENOENT/),
  ])
})

test('-v and -x exclude each other', async () => {
  const io = fakeIo()
  expect(await run(['forward', '0', '1', '-v', '-x'], io)).toBe(2)
  expect(io.err.all).toEqual([expect.stringContaining("option '-v' cannot be used with option '-x'")])
})

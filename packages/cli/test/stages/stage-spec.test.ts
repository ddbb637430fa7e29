import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync, inflateSync } from 'node:zlib'
import type { Stage } from '@relay/core'
import type { DelayStage, ThrottleStage } from '@relay/core/stages'
import { runStage } from '@relay/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { LogFiles } from '../../src/log-files.js'
import { parseStage } from '../../src/stages/stage-spec.js'

function made(
  spec: string,
  write: (lines: string) => void = () => {},
  files: LogFiles = new LogFiles(() => {}),
): Promise<Stage> {
  return parseStage(spec)({ write, files })
}

test.each([
  ['throttle:1MiB/s', { bytesPerSecond: 1024 ** 2, burstBytes: undefined }],
  ['throttle:1.5KiB/s,burst=64KiB', { bytesPerSecond: 1536, burstBytes: 64 * 1024 }],
  ['delay:200ms', { ms: 200, jitterMs: 0, seed: undefined }],
  ['delay:1s±50ms', { ms: 1_000, jitterMs: 50, seed: undefined }],
  ['delay:200ms+-0.5s,seed=7', { ms: 200, jitterMs: 500, seed: 7 }],
])('%s: %o', async (spec, settings) => {
  const stage = (await made(spec)) as ThrottleStage | DelayStage
  expect(stage.settings).toEqual(settings)
})

test.each([
  ['pass', 'as it is', 'as it is'],
  ['limit:4', 'limited', 'limi'],
  ['limit:1KiB', 'x'.repeat(1025), 'x'.repeat(1024)],
  ['replace:a=b', 'banana', 'bbnbnb'],
  ['replace:a=', 'banana', 'bnn'],
  [String.raw`replace:\=,=\n=\x41\\`, 'one=,two', 'one\n=A\\two'],
])('%s makes of what goes up %j %j', async (spec, sent, received) => {
  const { up } = await runStage(await made(spec), { up: [sent] })
  expect(up.toString()).toBe(received)
})

test('slice:SIZE cuts chunks', async () => {
  const chunks: number[] = []
  const seen: Stage = { name: 'seen', up: () => (chunk) => void chunks.push(chunk.length) }
  await runStage([await made('slice:2'), seen], { up: ['12345'] })
  expect(chunks).toEqual([2, 2, 1])
})

test.each([
  ['compress', gunzipSync],
  ['compress:gzip', gunzipSync],
  ['compress:deflate,level=1', inflateSync],
])('%s: the upstream side is compressed', async (spec, unpack) => {
  const { up } = await runStage(await made(spec), { up: ['some text'] })
  expect(unpack(up).toString()).toBe('some text')
})

test('the level is used', async () => {
  const text = 'a text that can be made much shorter '.repeat(100)
  const sizes = ['compress:gzip,level=0', 'compress:gzip,level=9'].map(async (spec) => {
    return (await runStage(await made(spec), { up: [text] })).up.length
  })
  const [stored = 0, packed = 0] = await Promise.all(sizes)
  expect(stored).toBeGreaterThan(text.length)
  expect(packed).toBeLessThan(text.length / 10)
})

test.each(['gzip', 'deflate', 'brotli,level=11'])(
  'compress:%s and decompress:… make a tunnel',
  async (algorithm) => {
    const tunnel = [await made(`compress:${algorithm}`), await made(`decompress:${algorithm}`)]
    const { up, down } = await runStage(tunnel, { up: ['there'], down: ['and back'] })
    expect([`${up}`, `${down}`]).toEqual(['there', 'and back'])
  },
)

test('decompress: the client side is compressed', async () => {
  const { up } = await runStage(await made('decompress'), { up: [gzipSync('some text')] })
  expect(up.toString()).toBe('some text')
})

test.each([
  ['tap', ' > hello\\n\n'],
  ['tap:text', ' > hello\\n\n'],
  ['tap:hex', ' > 00000000  68 65 6c 6c 6f 0a                                 |hello.|\n'],
])('%s writes %j', async (spec, expected) => {
  const lines: string[] = []
  await runStage(await made(spec, (text) => lines.push(text)), { up: ['hello\n'] })
  expect(lines.map((line) => line.replace(/^\S+/, ''))).toEqual([expected])
})

test('record:FILE takes any file name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'a,b=c:d')
  const files = new LogFiles(() => {})
  const stage = await made(`record:${file}`, undefined, files)
  await runStage(stage, { up: ['hello'] })
  ;(stage as Partial<Disposable>)[Symbol.dispose]?.()
  await files.close()
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(4)
})

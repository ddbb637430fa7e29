import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { lineSink } from '../src/line-sink.js'

/** A reader that reads when it is told to. */
function slowReader(): { output: Writable; read: () => void; received: () => string } {
  const pending: (() => void)[] = []
  let text = ''
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      pending.push(done)
    },
  })
  return { output, read: () => pending.shift()?.(), received: () => text }
}

test('drops lines while a reader is more than 1 MiB behind, and takes them again after', () => {
  const { output } = slowReader()
  const sink = lineSink(output)
  const line = `${'x'.repeat(64 * 1024 - 1)}\n`
  let taken = 0
  while (sink.write(line)) taken += 1
  expect(taken).toBe(17)
  expect(output.writableLength).toBeLessThanOrEqual(1024 * 1024 + line.length)
})

test('what comes in any amount leaves half of the room to other lines', () => {
  const { output } = slowReader()
  const sink = lineSink(output)
  const line = `${'x'.repeat(64 * 1024 - 1)}\n`
  let bulk = 0
  while (sink.writeBulk(line)) bulk += 1
  let taken = 0
  while (sink.write(line)) taken += 1
  expect({ bulk, taken }).toEqual({ bulk: 9, taken: 8 })
})

test('takes lines again when the reader has caught up', async () => {
  const { output, read } = slowReader()
  const sink = lineSink(output)
  while (sink.write('x'.repeat(256 * 1024))) {}
  expect(sink.write('more')).toBe(false)
  while (output.writableLength > 0) {
    read()
    await new Promise(setImmediate)
  }
  expect(sink.write('more')).toBe(true)
})

test('flush resolves when all is out', async () => {
  const { output, read, received } = slowReader()
  const sink = lineSink(output)
  sink.write('a\n')
  sink.write('b\n')
  const flushed = sink.flush()
  for (let writes = 0; writes < 3; writes += 1) {
    read()
    await new Promise(setImmediate)
  }
  await flushed
  expect(received()).toBe('a\nb\n')
})

test('flush gives up on a reader that does not read', async () => {
  const { output } = slowReader()
  const sink = lineSink(output)
  sink.write('a\n')
  await sink.flush()
  expect(output.writableLength).toBeGreaterThan(0)
})

test('to a reader that is gone nothing is written again', async () => {
  let writes = 0
  const output = new Writable({
    autoDestroy: false, // as process.stderr
    write(_chunk, _encoding, done) {
      writes += 1
      done(new Error('write EPIPE'))
    },
  })
  const sink = lineSink(output)
  sink.write('a\n')
  sink.write('b\n')
  await new Promise(setImmediate)
  const before = writes
  expect(sink.write('c\n')).toBe(false)
  await sink.flush()
  expect({ before, more: writes - before, dropped: sink.dropped }).toEqual({ before: 1, more: 0, dropped: 1 })
})

test('what others print comes in whole lines, whoever prints how much at once', async () => {
  const { output, read, received } = slowReader()
  const sink = lineSink(output)
  const [one, other] = [new PassThrough(), new PassThrough()]
  sink.feed(one)
  sink.feed(other)
  const [half, otherHalf] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)]
  for (const [source, chunk] of [
    [one, 'on'],
    [other, 'oth'],
    [one, 'e 1\none 2\non'],
    [other, 'er 1\nother '],
    [other, half],
    [one, 'e 3'],
    [other, otherHalf],
  ] as const) {
    source.write(chunk)
    await new Promise(setImmediate)
    read()
  }
  one.end()
  other.end()
  for (let turns = 0; turns < 10; turns += 1) {
    await new Promise(setImmediate)
    read()
  }
  expect(received().split('\n')).toEqual(['one 1', 'one 2', 'other 1', 'one 3', 'other ü', ''])
})

test('a source is read no faster than what it prints is, and on when the reader is gone', async () => {
  let fail = (): void => {}
  const output = new Writable({
    autoDestroy: false, // as process.stderr
    highWaterMark: 1024,
    write: (_chunk, _encoding, done) => {
      fail = () => done(new Error('write EPIPE'))
    },
  })
  const sink = lineSink(output)
  const source = new PassThrough({ highWaterMark: 1024 })
  sink.feed(source)
  const line = `${'x'.repeat(1023)}\n`
  let taken = 0
  while (source.write(line)) {
    taken += 1
    await new Promise(setImmediate)
  }
  expect(taken).toBeLessThan(10)
  expect(source.isPaused()).toBe(true)
  fail()
  await new Promise(setImmediate)
  expect(source.isPaused()).toBe(false)
})

test('lines that come soon after one another share a write, and the first does not wait for them', async () => {
  const writes: string[] = []
  const output = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      writes.push(chunk)
      done()
    },
  })
  const sink = lineSink(output)
  for (const line of ['first\n', 'second\n', 'third\n']) sink.write(line)
  expect(writes).toEqual(['first\n'])
  await expect.poll(() => writes).toEqual(['first\n', 'second\nthird\n'])
  expect(sink.pending).toBe(0)
})

test('many lines are written before their time, and what waits goes out with the process', () => {
  let written = ''
  const output = new Writable({
    write(chunk, _encoding, done) {
      written += chunk
      done()
    },
  })
  const sink = lineSink(output)
  const line = `${'x'.repeat(1023)}\n`
  for (let lines = 0; lines < 18; lines++) sink.write(line)
  expect(written).toHaveLength(17 * 1024)
  sink.flushNow()
  expect(written).toHaveLength(18 * 1024)
})

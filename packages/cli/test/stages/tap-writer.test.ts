import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { lineSink } from '../../src/line-sink.js'
import type { Log } from '../../src/log.js'
import { tapWriter } from '../../src/stages/tap-writer.js'

function slow() {
  let text = ''
  let read: (() => void) | undefined
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      read = done
    },
  })
  const logged: unknown[] = []
  const log: Log = (...line) => void logged.push(line)
  return { sink: lineSink(output), log, logged, text: () => text, read: () => read?.(), output }
}

const lines = `${`a-1 > ${'x'.repeat(1000)}\n`.repeat(64)}`

test('drops lines that a slow reader has no room for, and counts them when there is room again', async () => {
  const { sink, log, logged, read, output } = slow()
  const taps = tapWriter(sink, log, false)
  for (let wrote = 0; wrote < 100; wrote += 1) taps.write(lines)
  expect(output.writableLength).toBeLessThan(600 * 1024)
  expect(logged).toEqual([])
  const kept = Math.floor(output.writableLength / lines.length)
  while (output.writableLength > 0) {
    read()
    await new Promise(setImmediate)
  }
  taps.write(lines)
  expect(logged).toEqual([['warn', 'tap lines dropped', { lines: (100 - kept) * 64 }]])
  taps.report()
  expect(logged).toHaveLength(1)
})

test('says at the end what was dropped', () => {
  const { sink, log, logged } = slow()
  const taps = tapWriter(sink, log, false)
  while (sink.writeBulk(lines)) {}
  taps.write(lines)
  taps.report()
  expect(logged).toEqual([['warn', 'tap lines dropped', { lines: 64 }]])
})

test('tells the directions apart by colour, and colours nothing else', () => {
  const { sink, log, text } = slow()
  tapWriter(sink, log, true).write('a-1 > b > c\na-1 < d\n')
  expect(text()).toBe('\u001b[32ma-1 >\u001b[0m b > c\n\u001b[36ma-1 <\u001b[0m d\n')
})

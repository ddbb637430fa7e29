import { expect, test } from 'vitest'
import { lineSink } from '../src/line-sink.js'
import { createLog } from '../src/log.js'
import { fakeIo } from './support/fake-io.js'

async function logTo(options: { isTTY?: boolean; json?: boolean; env?: Record<string, string> } = {}) {
  const io = fakeIo(options)
  const log = await createLog(lineSink(io.stderr), { json: options.json, env: options.env ?? {} })
  return { log, lines: io.err.all }
}

test('writes JSON lines where there is no terminal', async () => {
  const { log, lines } = await logTo()
  log('info', 'listening', { listen: '127.0.0.1:8848', absent: undefined })
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    listen: '127.0.0.1:8848',
    msg: 'listening',
  })
})

test('writes for people on a terminal, and JSON there with --json', async () => {
  const human = await logTo({ isTTY: true, env: { NO_COLOR: '1' } })
  human.log('warn', 'session closed', {
    reason: 'connect-failed',
    up: 16_384,
    durationMs: 1_500,
    error: 'no "such" host',
  })
  expect(human.lines[0]?.replace(/^[\d:.]+/, 'TIME')).toBe(
    'TIME warn: session closed reason=connect-failed up=16KiB duration=1.5s error="no \\"such\\" host"',
  )
  const json = await logTo({ isTTY: true, json: true })
  json.log('info', 'stopped', { closed: { 'client-end': 2 } })
  expect(JSON.parse(json.lines[0] ?? '')).toMatchObject({ msg: 'stopped', closed: { 'client-end': 2 } })
})

test.each([
  ['on a terminal', {}, true],
  ['not with NO_COLOR', { NO_COLOR: '1' }, false],
  ['with an empty NO_COLOR', { NO_COLOR: '' }, true],
  ['not on a dumb terminal', { TERM: 'dumb' }, false],
])('colours: %s', async (_name, env, coloured) => {
  const { log, lines } = await logTo({ isTTY: true, env })
  log('error', 'access log stopped')
  expect(lines[0]?.includes('\u001b[31m')).toBe(coloured)
})

test.each([true, false])('no value forges a line (terminal: %s)', async (isTTY) => {
  const { log, lines } = await logTo({ isTTY, env: { NO_COLOR: '1' } })
  log('info', 'session closed', { client: 'unix:/a\n12:00:00 forged\u001b[2J\u009b\u2028' })
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('\\u009b\\u2028')
  expect(lines[0]).not.toMatch(/\p{Cc}/u)
})

test('says how many lines a slow reader made it drop', async () => {
  const lines: string[] = []
  let room = true
  const sink = {
    isTTY: false,
    columns: 80,
    write: (text: string) => room && lines.push(...text.trimEnd().split('\n')) > 0,
    writeBulk: () => false,
    flush: () => Promise.resolve(),
  }
  const log = await createLog(sink, { env: {} })
  room = false
  for (let index = 0; index < 5; index += 1) log('info', 'session closed', { index })
  room = true
  log('info', 'stopped')
  expect(lines.map((line) => JSON.parse(line)).map(({ msg, lines }) => ({ msg, lines }))).toEqual([
    { msg: 'log lines dropped', lines: 5 },
    { msg: 'stopped', lines: undefined },
  ])
})

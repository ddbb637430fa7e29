import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type RecordLine, record } from '../../src/stages/index.js'
import { runStage } from '../../src/testing/index.js'
import { random, seed } from '../support/random.js'
import { watch } from '../support/watch.js'

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'relay-record-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'lines')
}

function linesOf(path: string): RecordLine[] {
  const content = readFileSync(path, 'utf8')
  expect(content.endsWith('\n')).toBe(true)
  return content
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

function bytesOf(lines: readonly RecordLine[], wanted: 'up' | 'down'): Buffer {
  return Buffer.concat(
    lines.flatMap((line) => {
      if (!('data' in line) || line.direction !== wanted) return []
      const data = Buffer.from(line.data, 'base64')
      expect(data.length).toBe(line.bytes)
      return [data]
    }),
  )
}

test('both directions of each session can be rebuilt byte for byte, between its open and its close', async () => {
  const path = temporaryFile()
  using stage = record({ path })
  const { int } = random(seed)
  const noise = (): Buffer[] =>
    Array.from({ length: 20 }, () => Buffer.from(Array.from({ length: 1 + int(3_000) }, () => int(256))))
  const runs = await Promise.all(
    Array.from({ length: 5 }, () => runStage(stage, { up: noise(), down: noise() })),
  )
  await expect.poll(() => stage.pending).toBe(0)
  const sessions = new Map<string, RecordLine[]>()
  for (const line of linesOf(path)) {
    if ('session' in line) sessions.set(line.session, [...(sessions.get(line.session) ?? []), line])
  }
  expect(sessions.size).toBe(5)
  const recorded = [...sessions.values()].map((own) => {
    expect(own[0]).toMatchObject({ event: 'open', atMs: 0 })
    expect(own.at(-1)).toMatchObject({ event: 'close' })
    expect(own.filter((line) => 'event' in line)).toHaveLength(2)
    const times = own.map((line) => ('atMs' in line ? line.atMs : Number.NaN))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    return [bytesOf(own, 'up').toString('hex'), bytesOf(own, 'down').toString('hex')]
  })
  const passed = runs.map(({ up, down }) => [up.toString('hex'), down.toString('hex')])
  expect(recorded.sort()).toEqual(passed.sort())
})

test('a chunk is in the file before it has passed', async () => {
  const path = temporaryFile()
  using stage = record({ path })
  let seen: RecordLine | undefined
  const looks = watch('up', () => {
    seen = linesOf(path).at(-1)
  })
  await runStage([stage, looks], { up: ['now'] })
  expect(seen).toMatchObject({ direction: 'up', bytes: 3, data: Buffer.from('now').toString('base64') })
})

test('what the file held before stays', async () => {
  const path = temporaryFile()
  for (const word of ['first', 'second']) {
    using stage = record({ path })
    await runStage(stage, { up: [word] })
  }
  expect(bytesOf(linesOf(path), 'up').toString()).toBe('firstsecond')
})

test('after its close sessions go on, unrecorded, and a second close does nothing', async () => {
  const path = temporaryFile()
  const stage = record({ path })
  stage.close()
  stage.close()
  const { up, result } = await runStage(stage, { up: ['unseen'] })
  expect([up.toString(), result.reason]).toEqual(['unseen', 'client-end'])
  expect(readFileSync(path, 'utf8')).toBe('')
})

test('a file that cannot be opened is an error at once, which names it', () => {
  expect(() => record({ path: '/nowhere/at/all' })).toThrow(/ENOENT.*\/nowhere\/at\/all/)
})

test('a full disk ends the session as stage-error before a byte has passed unrecorded', async () => {
  using stage = record({ path: '/dev/full' })
  const { up, result } = await runStage(stage, { up: ['lost'] })
  expect(up.length).toBe(0)
  expect(result).toMatchObject({
    reason: 'stage-error',
    stage: { name: 'record' },
    error: { message: expect.stringContaining('ENOSPC') },
  })
})

/** A FIFO that is read when it is asked for. */
function fifo(): { path: string; read: () => string } {
  const path = temporaryFile()
  execFileSync('mkfifo', [path])
  let fd: number | undefined
  onTestFinished(() => {
    if (fd !== undefined) closeSync(fd)
  })
  return {
    path,
    read() {
      fd ??= openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const buffer = Buffer.alloc(4 * 1024 * 1024)
      try {
        return buffer.toString('latin1', 0, readSync(fd, buffer))
      } catch {
        return ''
      }
    },
  }
}

test('a FIFO whose reader has not come, and one that stopped reading, hold no session up', {
  timeout: 20_000,
}, async () => {
  const { path, read } = fifo()
  using stage = record({ path })
  const megabyte = Array.from({ length: 64 }, (_, index) => Buffer.alloc(16 * 1024, index))
  const ran = [await runStage(stage, { up: ['unread'] })]
  // More than a pipe holds: no longer without a reader, but with one that does not read.
  read()
  ran.push(await runStage(stage, { up: megabyte }))
  ran.push(await runStage(stage, { up: megabyte }))
  expect(ran.map(({ up, result }) => [up.length, result.reason])).toEqual([
    [6, 'client-end'],
    [1024 * 1024, 'client-end'],
    [1024 * 1024, 'client-end'],
  ])
  expect(stage.dropped).toBeGreaterThan(0)

  let got = ''
  await expect
    .poll(
      () => {
        got += read()
        return stage.pending
      },
      { interval: 1, timeout: 10_000 },
    )
    .toBe(0)
  // The first line behind a hole says how large it is.
  const last = await runStage(stage, { up: ['after'] })
  expect(last.up.toString()).toBe('after')
  await expect.poll(() => stage.pending).toBe(0)
  got += read()
  const lines: RecordLine[] = got
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const holes = lines.filter((line) => 'lines' in line)
  expect(holes).toEqual([{ event: 'dropped', lines: stage.dropped }])
  // Each of four sessions has an open, a close and its chunks.
  expect(lines.length - holes.length + stage.dropped).toBe(4 * 2 + 2 + megabyte.length * 2)
})

test('it is a path or a file, and one of them', () => {
  expect(() => record({} as { path: string })).toThrow(/"path"/)
  expect(() => record({ file: 'log' } as never)).toThrow(/"file" to be a LineFile/)
})

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { LineFile, type LineFileOptions } from '../src/line-file.js'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'relay-lines-'))
  onTestFinished(async () => {
    // Closed on a thread, or when an answer came.
    await expect.poll(() => openPaths().filter((path) => path.startsWith(folder))).toEqual([])
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

function fifo(): string {
  const path = join(temporaryFolder(), 'fifo')
  execFileSync('mkfifo', [path])
  return path
}

function lineFile(path: string, options?: LineFileOptions): LineFile {
  const file = new LineFile(path, options)
  onTestFinished(() => void file.destroy())
  return file
}

function openPaths(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })
}

function written(file: LineFile, lines: string): Promise<void> {
  return new Promise((resolve) => file.write(lines, () => resolve()))
}

/** A reader of a FIFO, that reads when it is told to. */
function reader(path: string): { read: () => string; close: () => void } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  let open = true
  const close = (): void => {
    if (open) closeSync(fd)
    open = false
  }
  onTestFinished(close)
  return {
    close,
    read() {
      const buffer = Buffer.alloc(1024 * 1024)
      try {
        return buffer.toString('latin1', 0, readSync(fd, buffer))
      } catch {
        return ''
      }
    },
  }
}

test('adds lines to what is there, in the order of the writes', async () => {
  const path = join(temporaryFolder(), 'log')
  for (const run of ['a', 'b']) {
    const file = lineFile(path)
    for (let line = 0; line < 100; line++) file.write(`${run}${line}\n`)
    await written(file, `${run}end\n`)
  }
  const lines = ['a', 'b'].flatMap((run) => [...Array(100).keys(), 'end'].map((line) => `${run}${line}\n`))
  expect(readFileSync(path, 'utf8')).toBe(lines.join(''))
})

test('a file that cannot be opened is told of, tried again, and gets all that was kept', async () => {
  const folder = join(temporaryFolder(), 'later')
  const file = lineFile(join(folder, 'log'))
  const kept = written(file, 'kept\n')
  const [error] = await once(file, 'stopped')
  expect(error).toMatchObject({ code: 'ENOENT' })
  expect(file.stopped).toBe(error)
  execFileSync('mkdir', [folder])
  await once(file, 'resumed')
  expect(file.stopped).toBeUndefined()
  await kept
  expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('kept\n')
})

test('openNow fails at once with what the system says', () => {
  expect(() => new LineFile('/nowhere/at/all', { openNow: true })).toThrow(/ENOENT.*\/nowhere\/at\/all/)
})

test.each([false, true])(
  'a FIFO without a reader holds nobody up, and its reader gets all (openNow: %s)',
  async (openNow) => {
    const path = fifo()
    const file = lineFile(path, { openNow })
    file.write('one\n')
    const [error] = await once(file, 'stopped')
    expect(error.message).toMatch(/nobody reads/)
    file.write('two\n')
    const { read } = reader(path)
    await once(file, 'resumed')
    await written(file, 'three\n')
    expect(read()).toBe('one\ntwo\nthree\n')
  },
)

test('a FIFO whose reader stops reading is told of, and the reader gets all when it reads on', async () => {
  const path = fifo()
  const { read } = reader(path)
  const file = lineFile(path)
  const lines = Array.from({ length: 5_000 }, (_, index) => `${index} ${'x'.repeat(80)}\n`)
  const all = Promise.all(lines.map((line) => written(file, line)))
  const [error] = await once(file, 'stopped')
  expect(error.message).toMatch(/does not read/)
  let got = ''
  const reading = setInterval(() => (got += read()), 1)
  onTestFinished(() => clearInterval(reading))
  await all
  got += read()
  expect(got === lines.join('')).toBe(true)
})

test('a reader that goes away and one that comes get whole lines', async () => {
  const path = fifo()
  const first = reader(path)
  const file = lineFile(path)
  await written(file, 'to the first\n')
  expect(first.read()).toBe('to the first\n')
  first.close()
  file.write('to the second\n')
  await once(file, 'stopped')
  const second = reader(path)
  await once(file, 'resumed')
  expect(second.read()).toBe('to the second\n')
})

test('two writers to one FIFO never mix their lines', async () => {
  const path = fifo()
  const { read } = reader(path)
  const [one, other] = [lineFile(path), lineFile(path)]
  let got = ''
  const reading = setInterval(() => (got += read()), 1)
  onTestFinished(() => clearInterval(reading))
  const lines = (name: string): string =>
    Array.from({ length: 50 }, (_, index) => `${name}${index} ${name.repeat(50 + index * 10)}\n`).join('')
  await Promise.all(
    Array.from({ length: 20 }, () => [written(one, lines('a')), written(other, lines('b'))]).flat(),
  )
  got += read()
  const torn = got.split('\n').filter((line) => !/^(a\d+ a+|b\d+ b+)$/.test(line))
  expect(torn).toEqual([''])
})

test('opened anew by reopen(), it goes on in the next file, also when there is nothing to write', async () => {
  const path = join(temporaryFolder(), 'log')
  const file = lineFile(path)
  await written(file, 'old\n')
  renameSync(path, `${path}.1`)
  file.reopen()
  await once(file, 'opened')
  expect(readFileSync(path, 'utf8')).toBe('')
  await written(file, 'new\n')
  expect([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['old\n', 'new\n'])
})

test('renamed without a word, it follows the name within two seconds and loses nothing', {
  timeout: 15_000,
}, async () => {
  const path = join(temporaryFolder(), 'log')
  const file = lineFile(path)
  await written(file, 'before\n')
  renameSync(path, `${path}.1`)
  let lines = 0
  while (!existsSync(path)) await written(file, `${lines++}\n`)
  await written(file, 'after\n')
  const all = readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8')
  const between = [...Array(lines).keys()].map((line) => `${line}\n`).join('')
  expect(all === `before\n${between}after\n`).toBe(true)
})

test('truncated in its place, it goes on at the beginning', async () => {
  const path = join(temporaryFolder(), 'log')
  const file = lineFile(path)
  await written(file, 'copied\n')
  truncateSync(path)
  await written(file, 'next\n')
  expect(readFileSync(path, 'utf8')).toBe('next\n')
})

test('a name that cannot be opened anew leaves it with the file that it has', async () => {
  const folder = join(temporaryFolder(), 'gone')
  execFileSync('mkdir', [folder])
  const file = lineFile(join(folder, 'log'))
  await written(file, 'one\n')
  renameSync(folder, `${folder}.1`)
  file.reopen()
  const [error] = await once(file, 'kept')
  expect(error).toMatchObject({ code: 'ENOENT' })
  await written(file, 'two\n')
  expect(readFileSync(join(`${folder}.1`, 'log'), 'utf8')).toBe('one\ntwo\n')
})

test('a disk without room is told of once, and keeps what it was given', async () => {
  const file = lineFile('/dev/full')
  const told: string[] = []
  file.on('stopped', (error: Error) => told.push(error.message))
  file.write('one\n')
  await once(file, 'stopped')
  file.write('two\n')
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(told).toHaveLength(1)
  expect(file.writableLength).toBe(8)
})

test('what is written for a process that is about to be gone is there when the call returns', async () => {
  const path = join(temporaryFolder(), 'log')
  const file = lineFile(path)
  await written(file, 'one\n')
  file.writeNow('last\n')
  expect(readFileSync(path, 'utf8')).toBe('one\nlast\n')
})

test('a descriptor that does not answer is told of after a second, and stays open at the end', async () => {
  const path = fifo()
  // Without O_NONBLOCK a full pipe holds the thread that writes, as a stalled disk does.
  const fd = openSync(path, constants.O_RDWR)
  onTestFinished(() => closeSync(fd))
  const file = new LineFile(fd)
  onTestFinished(() => void file.destroy())
  const out = written(file, `${'x'.repeat(128 * 1024 - 1)}\n`)
  const [error] = await once(file, 'stopped')
  expect(error.message).toMatch(/does not answer/)
  const { read } = reader(path)
  const got = [read()]
  await once(file, 'resumed')
  await out
  got.push(read())
  expect(got.join('')).toHaveLength(128 * 1024)
  file.destroy()
  await once(file, 'close')
  expect(openPaths().filter((open) => open === path)).toHaveLength(2)
})

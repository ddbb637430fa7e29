import { describe, expect, test } from 'vitest'
import { type TapOptions, tap } from '../../src/stages/index.js'
import { runStage, type StageScript } from '../../src/testing/index.js'

// What a tap shows, without the name of its session.
async function shown(script: StageScript, options: Omit<TapOptions, 'write'> = {}): Promise<string[]> {
  const written: string[] = []
  const run = await runStage(tap({ write: (lines) => written.push(lines), ...options }), script)
  for (const way of ['up', 'down'] as const) {
    const sent = Buffer.concat((script[way] ?? []).map((chunk) => Buffer.from(chunk as string)))
    expect(run[way].equals(sent)).toBe(true)
  }
  for (const lines of written) expect(lines).toMatch(/^[ -~]+\n([ -~]+\n)*$/)
  return written
    .join('')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace(/^\S+ /, ''))
}

describe('as text', () => {
  test('each direction has its sign, and a line for each newline, which is shown', async () => {
    const script = { up: ['GET / HTTP/1.0\r\n\r\n'], down: ['HTTP/1.0 200 OK\r\n', 'half a line'] }
    expect(await shown(script)).toEqual([
      '> GET / HTTP/1.0\\r\\n',
      '> \\r\\n',
      '< HTTP/1.0 200 OK\\r\\n',
      '< half a line',
    ])
  })

  test.each([
    ['what would drive a terminal', '\x1b[31mred\x1b[0m\x07\x9b', '> \\x1b[31mred\\x1b[0m\\x07\\xc2\\x9b'],
    ['invalid UTF-8', Buffer.of(0xff, 0xc3, 0x28), '> \\xff\\xc3('],
    ['UTF-8', 'é', '> \\xc3\\xa9'],
    ['a lone CR, which would overwrite a line', 'secret\rharmless', '> secret\\rharmless'],
    ['a backslash, which could be taken for an escape', '\\x41\t', '> \\\\x41\\t'],
    ['NUL and DEL', '\0\x7f', '> \\x00\\x7f'],
  ])('spells out %s', async (_what, bytes, line) => {
    expect(await shown({ up: [bytes] })).toEqual([line])
  })

  test('shows each of the 256 bytes as printable ASCII, and each differently', async () => {
    const all = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte))
    expect(new Set(await shown({ up: all })).size).toBe(256)
  })
})

describe('in hex', () => {
  test('rows of 16 have an offset in their direction, and their letters', async () => {
    const script = { up: ['0123456789abcdefg\n'], down: [Buffer.of(0, 0x1b, 0xff)] }
    expect(await shown(script, { format: 'hex' })).toEqual([
      '> 00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|',
      '> 00000010  67 0a                                             |g.|',
      '< 00000000  00 1b ff                                          |...|',
    ])
  })

  test('offsets go on from chunk to chunk, whatever is shown of one', async () => {
    const lines = await shown(
      { up: ['12345', 'secret', 'x'] },
      { format: 'hex', redact: (chunk) => (chunk.includes('secret') ? Buffer.from('***') : chunk) },
    )
    expect(lines.map((line) => line.slice(2, 10))).toEqual(['00000000', '00000005', '0000000b'])
  })
})

describe('redact', () => {
  test('changes what is shown and never what passes, even when it writes into what it is given', async () => {
    const lines = await shown(
      { up: ['password'], down: ['fine'] },
      {
        redact: (chunk, direction) => (direction === 'up' ? chunk.fill('*') : chunk),
      },
    )
    expect(lines).toEqual(['> ********', '< fine'])
  })

  test.each(['text', 'hex'] as const)('shows nothing when nothing is left (%s)', async (format) => {
    expect(await shown({ up: ['password'] }, { format, redact: () => Buffer.alloc(0) })).toEqual([])
  })
})

test('lines of many sessions name theirs', async () => {
  const written: string[] = []
  const stage = tap({ write: (lines) => written.push(lines) })
  await Promise.all([runStage(stage, { up: ['one'] }), runStage(stage, { up: ['two'] })])
  expect(new Set(written.map((line) => line.split(' ')[0])).size).toBe(2)
})

test('what it writes to ends the session when it throws, and names the tap', async () => {
  const write = (): void => {
    throw new Error('the terminal is gone')
  }
  const { result } = await runStage(tap({ write, name: 'to the terminal' }), { up: ['x'] })
  expect(result).toMatchObject({
    reason: 'stage-error',
    stage: { name: 'to the terminal', direction: 'up' },
    error: { message: expect.stringContaining('the terminal is gone') },
  })
})

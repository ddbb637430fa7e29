import { expect, test } from 'vitest'
import { type TapOptions, tap } from '../../src/stages/index.js'
import { runStage } from '../../src/testing/index.js'

/** What a tap writes for these chunks, without the session's id. */
async function shown(
  options: Omit<TapOptions, 'write'>,
  up: readonly (string | Buffer)[],
  down: readonly string[] = [],
): Promise<string[]> {
  const lines: string[] = []
  const write = (text: string): void => {
    expect(text.endsWith('\n')).toBe(true)
    lines.push(...text.slice(0, -1).split('\n'))
  }
  await runStage(tap({ ...options, write }), { up, down })
  return lines.map((line) => line.replace(/^\S+ /, ''))
}

test.each([
  [['one\ntwo\n'], ['> one\\n', '> two\\n']],
  [
    ['one\nt', 'wo'],
    ['> one\\n', '> t', '> wo'],
  ],
  [['\n\n'], ['> \\n', '> \\n']],
  [['\t\r\n\\'], ['> \\t\\r\\n', '> \\\\']],
  [[Buffer.from([0, 0x1b, 0x5b, 0x7f, 0x80, 0xff])], ['> \\x00\\x1b[\\x7f\\x80\\xff']],
  [['é ~'], ['> \\xc3\\xa9 ~']],
])('text: %j is %j', async (chunks, lines) => {
  expect(await shown({}, chunks)).toEqual(lines)
})

test('every byte is shown as printable ASCII, in text and in hex', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const lines = [...(await shown({}, [bytes])), ...(await shown({ format: 'hex' }, [bytes]))]
  expect(lines.filter((line) => !/^[ -~]*$/.test(line))).toEqual([])
})

test('hex: offsets go on from chunk to chunk, in each direction', async () => {
  const lines = await shown({ format: 'hex' }, ['0123456789abcdefg', '\n'], ['~\u007f'])
  expect(lines).toEqual([
    '> 00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|',
    '> 00000010  67                                                |g|',
    '> 00000011  0a                                                |.|',
    '< 00000000  7e 7f                                             |~.|',
  ])
})

test('redact changes what is shown, and nothing that passes', async () => {
  const written: string[] = []
  const stage = tap({ write: (text) => written.push(text), redact: (chunk) => chunk.fill('*', 5) })
  const { up } = await runStage(stage, { up: ['AUTH secret'] })
  expect(up.toString()).toBe('AUTH secret')
  expect(written.map((line) => line.replace(/^\S+ /, ''))).toEqual(['> AUTH ******\n'])
})

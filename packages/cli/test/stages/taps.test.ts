import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { run } from '../../src/main.js'
import { ask } from '../support/ask.js'
import { fakeIo } from '../support/fake-io.js'
import { echoPort, forward } from '../support/forward.js'
import { portOf, spawnRelay } from '../support/spawn-relay.js'

/** Sends the bytes and a FIN, and resolves with all that comes back. */
function exchange(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  socket.end(bytes)
  return buffer(socket)
}

function tapped(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith('{'))
}

test('-v shows each line of both directions, by session', async () => {
  const { io, port } = await forward(await echoPort(), '-v')
  await ask(port, 'one\r\ntwo')
  const { id } = await io.err.message('session closed')
  expect(tapped(io.err.all)).toEqual([`${id} > one\\r\\n`, `${id} > two`, `${id} < one\\r\\n`, `${id} < two`])
})

test('-x shows bytes with offsets', async () => {
  const { io, port } = await forward(await echoPort(), '-x')
  await ask(port, 'twenty bytes, a few\n')
  const { id } = await io.err.message('session closed')
  expect(tapped(io.err.all).slice(0, 2)).toEqual([
    `${id} > 00000000  74 77 65 6e 74 79 20 62  79 74 65 73 2c 20 61 20  |twenty bytes, a |`,
    `${id} > 00000010  66 65 77 0a                                       |few.|`,
  ])
})

test.each(['-v', '-x'])('%s is nearest to the client', async (flag) => {
  const { io, port } = await forward(await echoPort(), '--up', 'replace:a=\\x01', flag)
  await ask(port, 'a')
  await io.err.message('session closed')
  const [up, down] = tapped(io.err.all)
  expect(up).toContain(flag === '-v' ? ' > a' : ' > 00000000  61')
  expect(down).toContain(flag === '-v' ? ' < \\x01' : ' < 00000000  01')
})

test.each(['-v', '-x'])(
  '%s of random bytes passes them on, and shows printable ASCII alone',
  async (flag) => {
    const { io, port } = await forward(await echoPort(), flag)
    const bytes = Buffer.concat([Buffer.from('\u001b[2J\u009b\u202e\u2028\0'), randomBytes(100_000)])
    expect((await exchange(port, bytes)).equals(bytes)).toBe(true)
    await io.err.message('session closed')
    const lines = tapped(io.err.all)
    expect(lines.length).toBeGreaterThan(100)
    expect(lines.filter((line) => !/^[0-9a-f]+-1 [<>] [ -~]*$/.test(line))).toEqual([])
    if (flag === '-x') expect(['>', '<'].map((way) => hexOf(lines, way).equals(bytes))).toEqual([true, true])
  },
)

// The columns between the offset and the letters.
function hexOf(lines: readonly string[], way: string): Buffer {
  const rows = lines.map((line) => line.split(` ${way} `)[1]?.slice(10, 59) ?? '')
  return Buffer.from(rows.join('').replaceAll(' ', ''), 'hex')
}

test('many sessions at once never share a line', async () => {
  const { io, port } = await forward(await echoPort(), '-v', '--stage', 'slice:7')
  const words = Array.from({ length: 20 }, (_, index) => `${index}:${'x'.repeat(500)}:${index}`)
  expect(await Promise.all(words.map((word) => ask(port, `${word}\n${word}\n`)))).toEqual(
    words.map((word) => `${word}\n${word}\n`),
  )
  await expect.poll(() => io.err.all.filter((line) => line.includes('session closed')).length).toBe(20)
  const spoken = new Map<string, string>()
  for (const line of tapped(io.err.all)) {
    const [, speaker = '', said = ''] = /^(\S+ [<>]) (.*)$/.exec(line) ?? []
    spoken.set(speaker, (spoken.get(speaker) ?? '') + said)
  }
  const expected = words.map((word) => `${word}\\n${word}\\n`)
  for (const way of ['>', '<']) {
    const texts = [...spoken].filter(([speaker]) => speaker.endsWith(way)).map(([, text]) => text)
    expect(texts.sort()).toEqual(expected.toSorted())
  }
})

test.each([
  [true, {}, true],
  [true, { NO_COLOR: '1' }, false],
  [false, {}, false],
])('on a terminal (%s) with %o: in colour (%s)', async (isTTY, env, colour) => {
  const io = fakeIo({ isTTY, env })
  const exit = run(['forward', '0', await echoPort(), '-v'], io)
  onTestFinished(async () => {
    io.send('SIGTERM')
    await exit
  })
  const ready = await io.err.with('listening')
  await ask(Number(/127\.0\.0\.1:(\d+)/.exec(ready)?.[1]), 'hello')
  expect((await io.err.with('hello')).includes('\u001b[32m')).toBe(colour)
})

test('a stderr that nobody reads holds nothing up, and what it misses is counted', async () => {
  const relay = spawnRelay('forward', '0', await echoPort(), '-x')
  const port = portOf((await relay.err.message('listening')).listen)
  relay.child.stderr.pause()
  const bytes = randomBytes(2 * 1024 * 1024)
  for (let session = 0; session < 3; session += 1) {
    expect((await exchange(port, bytes)).equals(bytes)).toBe(true)
  }
  relay.child.stderr.resume()
  await expect.poll(() => relay.err.all.filter((line) => line.includes('session closed')).length).toBe(3)
  await exchange(port, Buffer.from('again'))
  const { lines } = await relay.err.message('tap lines dropped')
  relay.child.kill('SIGTERM')
  expect(await relay.exit).toBe(0)
  const shown = tapped(relay.err.all).length
  // 16 bytes a line, both ways, and one line each way for the last session; a chunk's last line may be shorter.
  const least = (3 * 2 * bytes.length) / 16
  expect(shown + Number(lines)).toBeGreaterThanOrEqual(least)
  expect(Number(lines)).toBeGreaterThan(least / 2)
})

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { run } from '../src/main.js'
import { fakeIo } from './support/fake-io.js'

async function result(...argv: readonly string[]) {
  const io = fakeIo()
  const exitCode = await run(argv, io)
  return { exitCode, out: io.out.all, err: io.err.all }
}

async function takenPort(): Promise<number> {
  const server = createServer()
  onTestFinished(() => {
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

const aPort = /a port \(8848\)/
const aDuration = /expected a duration such as 200ms, 30s, 5m, 1h or 0, up to 596h/
const longPath = `unix:/${'x'.repeat(107)}`

// what is wrong, the arguments, what the line names, and what it says is accepted
const wrongUsage: readonly [string, string, string, RegExp][] = [
  ['no command', '', '', /expected a command: forward, echo, demo/],
  ['an unknown command', 'foward', "'foward'", /\(did you mean forward\?\), expected forward, echo, demo/],
  ['an unknown flag of no command', '--jason', "'--jason'", /see relay --help/],
  ['an unknown flag', 'forward 1 2 --frobnicate', "'--frobnicate'", /see relay forward --help/],
  [
    'a flag that is nearly one',
    'forward 1 2 --idle-timout 1h',
    "'--idle-timout'",
    /did you mean --idle-timeout\?/,
  ],
  ['no addresses', 'forward', "'listen'", /expected forward \[options\] <listen> <upstream>/],
  ['no upstream', 'forward 8848', "'upstream'", /expected forward \[options\] <listen> <upstream>/],
  [
    'an address too many',
    'forward 1 2 3',
    'too many arguments',
    /expected forward \[options\] <listen> <upstream>/,
  ],
  ['a port out of range', 'forward 99999 1', "<listen>: .*'99999'", /expected a port from 0 to 65535/],
  ['a word for a port', 'forward http 1', "<listen>: .*'http'", aPort],
  ['an upstream without a port', 'forward 1 db', "<upstream>: .*'db'", aPort],
  ['upstream port 0', 'forward 1 db:0', "<upstream>: .*'db:0'", /expected a port from 1 to 65535/],
  ['a scheme of something else', 'forward 1 http://db:80', "<upstream>: .*'http://db:80'", aPort],
  [
    'to listen with TLS',
    'forward tls://a:1 2',
    "<listen>: .*'tls://a:1'",
    /expected a port, host:port, tcp:\/\/ or unix:/,
  ],
  [
    'a unix path too long',
    `forward ${longPath} 1`,
    `<listen>: .*'${longPath}'`,
    /expected a unix path of 1 to 10\d bytes/,
  ],
  [
    'the upstream too long',
    `forward 1 ${longPath}`,
    `<upstream>: .*'${longPath}'`,
    /expected a unix path of 1 to/,
  ],
  [
    'to relay to itself',
    'forward 8848 8848',
    '<upstream>: .*127.0.0.1:8848',
    /expected another address than <listen>/,
  ],
  ['a bad duration', 'forward 1 2 --idle-timeout 5', "--idle-timeout: .*'5'", aDuration],
  ['a negative duration', 'forward 1 2 --linger -5s', "--linger: .*'-5s'", aDuration],
  ['a duration beyond timers', 'forward 1 2 --drain 600h', "--drain: .*'600h'", aDuration],
  ['a flag without its value', 'forward 1 2 --max-duration', '--max-duration <duration>', /expected a value/],
  [
    'an unknown half-close',
    'forward 1 2 --half-close maybe',
    "--half-close: .*'maybe'",
    /expected forward or close/,
  ],
  [
    'a half-close without value',
    'forward 1 2 --half-close',
    '--half-close <forward\\|close>',
    /expected a value/,
  ],
  [
    'a bad count',
    'forward 1 2 --max-connections many',
    "--max-connections: .*'many'",
    /expected a whole number, 0 or more/,
  ],
  [
    'no workers',
    'forward 1 2 --workers 0',
    "--workers: .*'0'",
    /expected a whole number from 1 to 256, or auto/,
  ],
  ['too many workers', 'forward 1 2 --workers 257', "--workers: .*'257'", /from 1 to 256/],
  ['workers in words', 'forward 1 2 --workers two', "--workers: .*'two'", /from 1 to 256, or auto/],
  [
    'fewer sessions than workers',
    'forward 1 2 --workers 3 --max-connections 2',
    '--max-connections: .*got 2',
    /expected 3 or more, one for each worker, or 0/,
  ],
  [
    'fewer connections than workers',
    'forward 1 2 --workers 3 --prewarm 1 --pool-max 2',
    '--pool-max: .*got 2',
    /expected 3 or more, one for each worker/,
  ],
  [
    'an empty file name',
    'forward 1 2 --access-log=',
    "--access-log: .*''",
    /expected a file name, - for stdout, or off/,
  ],
  ['an echo nowhere', 'echo', "'listen'", /expected echo \[options\] <listen>/],
  ['a demo on no port', 'demo --listen x', "--listen: .*'x'", aPort],
]

test.each(wrongUsage)('wrong usage, %s: one line, exit 2', async (_name, args, names, accepts) => {
  const { exitCode, out, err } = await result(...args.split(' ').filter((word) => word !== ''))
  expect({ exitCode, out, lines: err.length }).toEqual({ exitCode: 2, out: [], lines: 1 })
  expect(err[0]).toMatch(/^relay( forward| echo| demo)?: .+; see relay( \w+)? --help$/)
  expect(err[0]).toMatch(new RegExp(names))
  expect(err[0]).toMatch(accepts)
})

test.each([
  ['an argument', ['forward', '1\nrelay: all is well\u001b[2J', '2']],
  ['a flag', ['forward', '1', '2', '--all\nis\u001b[2Jwell']],
  ['a command', ['all\nis\u001b[2Jwell']],
])('%s with control characters cannot forge a line', async (_name, args) => {
  const { exitCode, err } = await result(...args)
  expect({ exitCode, lines: err.length }).toEqual({ exitCode: 2, lines: 1 })
  expect(err[0]).not.toMatch(/\p{Cc}/u)
})

test.each([
  ['forward', ''],
  ['echo', ''],
  ['demo', '; choose another with --'],
])('%s on a taken port: one line with address and reason, exit 1', async (command, hint) => {
  const port = await takenPort()
  const args =
    { forward: [`${port}`, '1'], echo: [`${port}`], demo: ['--upstream', '0', '--listen', `${port}`] }[
      command
    ] ?? []
  const { exitCode, err } = await result(command, ...args)
  expect({ exitCode, lines: err.length }).toEqual({ exitCode: 1, lines: 1 })
  expect(err[0]).toContain(
    `relay ${command}: cannot listen on 127.0.0.1:${port}: already in use (EADDRINUSE)${hint}`,
  )
})

test('demo names the flag for a taken upstream port too', async () => {
  const port = await takenPort()
  const { exitCode, err } = await result('demo', '--listen', '0', '--upstream', `${port}`)
  expect(exitCode).toBe(1)
  expect(err).toEqual([expect.stringContaining('choose another with --upstream')])
})

test.each([
  [
    'a directory that is not there',
    'unix:/nowhere/relay.sock',
    /unix:\/nowhere\/relay\.sock: .*(ENOENT|EACCES)/,
  ],
  [
    'an address of another machine',
    '192.0.2.1:0',
    /192\.0\.2\.1:0: not an address of this machine \(EADDRNOTAVAIL\)/,
  ],
])('cannot listen in %s: exit 1', async (_name, listen, line) => {
  const { exitCode, err } = await result('forward', listen, '1')
  expect({ exitCode, lines: err.length }).toEqual({ exitCode: 1, lines: 1 })
  expect(err[0]).toMatch(line)
})

test('an access log that cannot be opened: one line, exit 1', async () => {
  const { exitCode, err } = await result('forward', '0', '1', '--access-log', '/nowhere/access.log')
  expect(exitCode).toBe(1)
  expect(err).toEqual([
    expect.stringMatching(/^relay forward: --access-log: cannot open \/nowhere\/access\.log: ENOENT/),
  ])
})

test('help goes to stdout, exit 0', async () => {
  const { exitCode, out, err } = await result('--help')
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: [] })
  for (const command of ['forward', 'echo', 'demo'])
    expect(out.join('\n')).toMatch(new RegExp(`^  ${command} `, 'm'))
})

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(await result('--version')).toEqual({ exitCode: 0, out: [version], err: [] })
})

test.each([
  ['stdout', '--version', 0],
  ['stderr', '--bogus', 2],
])('is done when what it wrote to %s is out', async (stream, flag, code) => {
  const taken: (() => void)[] = []
  const slow = new Writable({ write: (_chunk, _encoding, done) => void taken.push(done) })
  let exitCode: number | undefined
  const running = run([flag], { ...fakeIo(), [stream]: slow }).then((value) => {
    exitCode = value
  })
  await vi.waitFor(() => expect(taken).toHaveLength(1))
  await setImmediate()
  expect(exitCode).toBeUndefined()
  while (slow.writableLength > 0 || exitCode === undefined) {
    taken.shift()?.()
    await setImmediate()
  }
  await running
  expect(exitCode).toBe(code)
})

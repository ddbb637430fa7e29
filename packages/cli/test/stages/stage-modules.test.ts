import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { ask } from '../support/ask.js'
import { echoPort } from '../support/forward.js'
import { portOf, spawnRelay } from '../support/spawn-relay.js'

// A process of its own loads them: here a module would go through the test runner first.

const runsTypeScript = 'typescript' in process.features && process.features.typescript !== false

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
}

async function through(...stages: readonly string[]): Promise<string> {
  const flags = stages.flatMap((stage) => ['--stage', stage])
  const relay = spawnRelay('forward', '0', await echoPort(), ...flags)
  const port = portOf((await relay.err.message('listening')).listen)
  const answer = await ask(port, 'hello')
  relay.child.kill('SIGTERM')
  expect(await relay.exit).toBe(0)
  return answer
}

test.each([
  ['an object', fixture('upper.mjs'), 'HELLO'],
  ['an object, by its URL', pathToFileURL(fixture('upper.mjs')).href, 'HELLO'],
  ['an asynchronous factory', fixture('prefix.mjs'), 'nothing|hello<'],
  ['an asynchronous factory with an argument', `${fixture('prefix.mjs')}:a:b,c=d`, 'a:b,c=d|hello<'],
  ['a factory with an empty argument', `${fixture('prefix.mjs')}:`, '|hello<'],
  ['a CommonJS factory', `${fixture('exclaim.cjs')}:!`, 'hello!'],
  ['a CommonJS module that was compiled from ESM', fixture('compiled.cjs'), 'hello (compiled)'],
])('a module that exports %s is a stage', async (_name, spec, answer) => {
  expect(await through(spec)).toBe(answer)
})

test('one module can be several stages, met in their order', async () => {
  const module = fixture('exclaim.cjs')
  expect(await through(`${module}:1`, `${module}:2`, 'replace:12=in order')).toBe('helloin order')
})

test.skipIf(!runsTypeScript)('a TypeScript module is a stage where Node runs it', async () => {
  expect(await through(`${fixture('typed.ts')}:?`)).toBe('hello?')
})

/** A folder with a module in it. */
function moduleOf(name: string, source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'folder.js'))
  writeFileSync(join(folder, 'other.mjs'), 'export const other = 1\n\nexport const = 2')
  writeFileSync(join(folder, name), source)
  return join(folder, name)
}

// what is wrong, the module, what is behind its path in the spec, and the reason
const broken: readonly [string, string, string, string, RegExp][] = [
  [
    'a syntax error',
    'bad.mjs',
    'export default {\n  name: "x",\n  up: () => ( => 1,\n}',
    '',
    /cannot be loaded: SyntaxError: Unexpected token '=>' at line 3/,
  ],
  [
    'a syntax error in CommonJS',
    'bad.cjs',
    'module.exports = {\n  name: "x" up: 1 }',
    '',
    /cannot be loaded: SyntaxError: Unexpected identifier.* at line 2/,
  ],
  [
    'a syntax error further on',
    'bad.mjs',
    'import "./other.mjs"\nexport default 1',
    '',
    /cannot be loaded: SyntaxError: Unexpected token '=' in a module that it imports/,
  ],
  [
    'an import that is not there',
    'bad.mjs',
    'import "./gone.mjs"',
    '',
    /cannot be loaded: Cannot find module '.*gone\.mjs'/,
  ],
  [
    'an import that is not exported',
    'bad.mjs',
    '\nimport { one } from "./other.mjs"\nexport default one',
    '',
    /cannot be loaded: SyntaxError: .*/,
  ],
  [
    'a module that throws',
    'bad.mjs',
    '\nnope()\nexport default 1',
    '',
    /cannot be loaded: ReferenceError: nope is not defined at line 2/,
  ],
  ['a module that throws text', 'bad.mjs', 'throw "a\\nb"', '', /cannot be loaded: 'a\\nb'/],
  [
    'no default export',
    'bad.mjs',
    'export const up = 1, down = 2',
    '',
    /expected a default export, got only down, up/,
  ],
  ['no export', 'bad.mjs', 'export {}', '', /expected a default export, got no export/],
  [
    'a number',
    'bad.mjs',
    'export default 42',
    '',
    /its default export: expected a stage: \{ name, up\?, down\?, open\? \}, got 42/,
  ],
  [
    'no name',
    'bad.mjs',
    'export default { up() {} }',
    '',
    /its default export: expected a stage with a "name" that is text, got \{ up: \[Function: up\] \}/,
  ],
  [
    'neither way',
    'bad.mjs',
    'export default { name: "none" }',
    '',
    /its default export: expected a stage with "up", "down" or "open"/,
  ],
  [
    'a CommonJS module without exports',
    'bad.cjs',
    '',
    '',
    /its default export: expected a stage with a "name"/,
  ],
  [
    'a factory that throws',
    'bad.mjs',
    '\nexport default (mark) => {\n  throw new Error("no " + mark + "\\nat all")\n}',
    ':!',
    /its stage factory failed: no ! at line 3/,
  ],
  [
    'a factory that rejects',
    'bad.mjs',
    'export default () => Promise.reject(null)',
    '',
    /its stage factory failed: null/,
  ],
  [
    'a step for a factory',
    'bad.mjs',
    'export default (chunk) => chunk.toString()',
    '',
    /its stage factory failed: TypeError: Cannot read properties of undefined \(reading 'toString'\) at line 1/,
  ],
  [
    'a factory of nothing',
    'bad.mjs',
    'export default () => {}',
    '',
    /what its stage factory returned: expected a stage: .*, got undefined/,
  ],
  [
    'an argument to a stage',
    'bad.mjs',
    'export default { name: "x", up() {} }',
    ':arg',
    /expected no argument, since it exports a stage and no factory, got 'arg'/,
  ],
  ['a file of something else', 'bad.txt', 'hello', '', /cannot be loaded: Unknown file extension "\.txt"/],
  ['a module that is not there', 'other.mjs', '', '/../gone.mjs', /no such file/],
  ['a folder', 'other.mjs', '', '/../folder.js', /expected a file, got a directory/],
]

test.each(broken)('%s: one line, exit 2', async (_name, name, source, rest, reason) => {
  const path = moduleOf(name, source)
  const spec = rest.startsWith('/') ? join(path, rest) : `${path}${rest}`
  const { err, out, exit } = spawnRelay('forward', '0', '1', '--up', spec)
  expect(await exit).toBe(2)
  const written = rest.startsWith('/') ? spec : path
  expect(err.all).toEqual([expect.stringMatching(reason)])
  expect(err.all[0]?.startsWith(`relay forward: --up: ${written}: `)).toBe(true)
  expect(out.all).toEqual([])
})

test.skipIf(runsTypeScript)('TypeScript where Node does not run it: the line says which does', async () => {
  const { err, exit } = spawnRelay('forward', '0', '1', '--stage', fixture('typed.ts'))
  expect(await exit).toBe(2)
  expect(err.all).toEqual([
    expect.stringContaining(`TypeScript needs Node 22.18, 23.6 or later, and this is ${process.version}`),
  ])
})

test.skipIf(!runsTypeScript).each([
  ['a syntax error', 'const a: number =\n\nexport default a', /cannot be loaded: .* at line [23]/],
  ['what Node cannot strip', '\nenum A { b }\nexport default A', /cannot be loaded: .*enum.* at line 2/],
])('TypeScript with %s: one line, exit 2', async (_name, source, reason) => {
  const { err, exit } = spawnRelay('forward', '0', '1', '--stage', moduleOf('bad.ts', source))
  expect(await exit).toBe(2)
  expect(err.all).toEqual([expect.stringMatching(reason)])
})

test('--down of a stage that does nothing there: one line, exit 2', async () => {
  const { err, exit } = spawnRelay('forward', '0', '1', '--down', fixture('upper.mjs'))
  expect(await exit).toBe(2)
  expect(err.all).toEqual([
    expect.stringContaining('expected a stage with "down" or "open", and stage "upper" has neither'),
  ])
})

test('a signal ends a relay whose module is still loading', async () => {
  const path = moduleOf('slow.mjs', 'process.stdout.write("loading\\n")\nawait new Promise(() => {})')
  const { child, out, err, exit } = spawnRelay('forward', '0', '1', '--stage', path)
  await out.with('loading')
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  expect(err.all).toEqual([])
})

test('a stage is disposed when the relay stops', async () => {
  const path = moduleOf(
    'held.mjs',
    'export default { name: "held", up() {}, [Symbol.dispose]: () => process.stdout.write("let go\\n") }',
  )
  const { child, out, err, exit } = spawnRelay('forward', '0', await echoPort(), '--up', path)
  await err.message('listening')
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  expect(out.all).toEqual(['let go'])
})

test.each([
  ['a.mjs', "import { none } from '@relay/core'\nexport default { name: 'a', up: () => () => none }"],
  // Test runners tell CommonJS where else to look.
  [
    'b.cjs',
    "const { none } = require('@relay/absent')\nmodule.exports = { name: 'b', up: () => () => none }",
  ],
])('a module far from @relay/core that imports it is told what to do (%s)', async (name, source) => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, name), source)
  const { err, exit } = spawnRelay('forward', '0', '9', '--stage', join(folder, name))
  expect(await exit).toBe(2)
  expect(await err.with('cannot be loaded')).toMatch(
    /@relay\/(?:core|absent)'.*npm install @relay\/core\), or do without: a stage is a plain object/,
  )
})

// `npm run test:load`: the load tests at their full sizes, one file after the other, and what they measured. Some minutes, and up to
// 20,000 descriptors in one process. Names pick some: `npm run test:load -- idle`.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { root, setup } from './setup.mjs'

const folder = 'packages/cli/test/load'
const figuresFile = resolve(root, 'node_modules/.relay-load-figures')

/** Runs one file of tests; what it prints is shown only when it fails. */
function runFile(file) {
  rmSync(figuresFile, { force: true })
  writeFileSync(figuresFile, '')
  const startedAt = performance.now()
  const vitest = resolve(root, 'node_modules/vitest/vitest.mjs')
  const { status, output } = spawnSync(process.execPath, [vitest, 'run', `${folder}/${file}`], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, RELAY_LOAD: 'full', RELAY_LOAD_FIGURES: figuresFile },
  })
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${file} (${seconds} s)`)
  for (const line of readFileSync(figuresFile, 'utf8').split('\n').filter(Boolean))
    console.log(`       ${line}`)
  if (status !== 0) console.log(output.join(''))
  return status === 0
}

setup()
const names = process.argv.slice(2)
const files = readdirSync(resolve(root, folder)).filter((file) => file.endsWith('.test.ts'))
const chosen = files.filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
const failed = chosen.filter((file) => !runFile(file))
console.log(`\n${chosen.length - failed.length} of ${chosen.length} held at full size`)
process.exitCode = failed.length > 0 || chosen.length === 0 ? 1 : 0

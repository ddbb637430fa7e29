// `npm run test:nodes`: the tests on every Node we support, or on those named; the rest goes to vitest:
// `npm run test:nodes -- 24 26 packages/core`.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { runTests } from './run-tests.mjs'
import { root, setup } from './setup.mjs'

/** The npm package `node` carries the binary, so this needs no version manager. */
function nodeBinary(major) {
  const folder = resolve(root, 'node_modules/.cache/relay-nodes', major)
  const binary = resolve(folder, 'node_modules/node/bin/node')
  if (!existsSync(binary)) {
    process.stderr.write(`relay: fetching Node ${major}…\n`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(resolve(folder, 'package.json'), '{ "private": true }\n')
    const npm = ['install', '--no-save', '--no-package-lock', '--silent', `node@${major}`]
    const { status } = spawnSync('npm', npm, { cwd: folder, stdio: ['ignore', 2, 2] })
    if (status !== 0) throw new Error(`npm could not install node@${major}`)
  }
  return binary
}

setup()
const isMajor = (argument) => /^\d+$/.test(argument)
const named = process.argv.slice(2).filter(isMajor)
const rest = process.argv.slice(2).filter((argument) => !isMajor(argument))

const table = (named.length > 0 ? named : ['20', '22', '24', '26']).map((major) => {
  const binary = nodeBinary(major)
  const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim()
  console.log(`\n— Node ${version}`)
  return { version, ...runTests(binary, rest) }
})

console.log()
for (const { version, summary, code } of table) {
  console.log(`${version.padEnd(10)} ${code === 0 ? 'ok    ' : 'FAILED'} ${summary}`)
}
process.exitCode = table.some(({ code }) => code !== 0) ? 1 : 0

// Makes a fresh checkout ready on a machine that has only Node and npm: dependencies, then the build.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command in silence; what it printed is shown, and the process ends, only when it fails. */
function step(title, command, args) {
  process.stderr.write(`relay: ${title}… `)
  const startedAt = Date.now()
  const { status, signal, error, output } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (status === 0) {
    process.stderr.write(`${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`)
    return
  }
  process.stderr.write(`failed\n${output?.join('') ?? ''}`)
  if (error) process.stderr.write(`${error.message}\n`)
  if (signal === 'SIGINT') process.exit(130)
  process.exit(1)
}

/** Installs what pnpm-lock.yaml lists, unless that has been done since it last changed. */
function install() {
  const stamp = resolve(root, 'node_modules/.relay-lockfile-hash')
  const hash = createHash('sha256')
    .update(readFileSync(resolve(root, 'pnpm-lock.yaml')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return

  // pnpm comes through npx, for it is on few machines, and corepack is neither on all nor sure to work.
  const { packageManager } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'))
  step('installing dependencies', 'npx', ['--yes', packageManager, 'install', '--frozen-lockfile'])
  writeFileSync(stamp, hash)
}

export function setup() {
  install()
  step('building', process.execPath, [resolve(root, 'node_modules/typescript/bin/tsc'), '-b'])
}

// `npm run build` is this file itself; a checkout may lie behind a symbolic link.
if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) setup()

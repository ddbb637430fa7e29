import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { join, sep } from 'node:path'

/** A checkout of this project whose relay has been built. */
export interface Checkout {
  readonly path: string
  /** As git names it, and whether files have been changed since; `undefined` outside of git. */
  readonly commit: string | undefined
  /** The command `relay`. */
  readonly file: string
}

/** **Fails** where no relay has been built. */
export function openCheckout(given: string): Checkout {
  if (!existsSync(given)) throw new Error(`${given}: no such folder`)
  const path = realpathSync(given)
  const cli = join(path, 'packages/cli')
  const core = join(cli, 'node_modules/@relay/core')
  for (const needed of [join(cli, 'dist/main.js'), core]) {
    if (!existsSync(needed)) throw new Error(`${needed} is missing: run 'npm run build' in ${path} first`)
  }
  // Dependencies that are links to another checkout would have that one's relay measured.
  if (!realpathSync(core).startsWith(path + sep)) {
    throw new Error(`${core} leads to ${realpathSync(core)}: expected the checkout's own`)
  }
  return { path, commit: commitOf(path), file: join(cli, 'bin/relay.js') }
}

function commitOf(path: string): string | undefined {
  const git = (...args: readonly string[]) => spawnSync('git', ['-C', path, ...args], { encoding: 'utf8' })
  const { status, stdout } = git('log', '-1', '--format=%h %s')
  if (status !== 0) return undefined
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'packages').stdout !== ''
  return `${stdout.trim()}${changed ? ' (with changes)' : ''}`
}

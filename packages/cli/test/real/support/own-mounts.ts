import { spawnSync } from 'node:child_process'
import { program } from './programs.js'

/** What keeps this user from mounting in a namespace of its own, with `unshare`; `undefined`: nothing. */
export function whyNoMount(): string | undefined {
  const mount = ['--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs none /mnt']
  const { status, stderr } = spawnSync(program('unshare'), mount, { encoding: 'utf8' })
  return status === 0 ? undefined : `nothing can be mounted here: ${stderr.trim()}`
}

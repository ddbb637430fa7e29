import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { needPrograms } from '../need-programs.js'
import { cleanUp } from '../processes/clean-up.js'
import { findProgram, Program } from '../processes/program.js'
import { tempFolder } from '../processes/temp-folder.js'
import { repositoryFile } from '../repository-file.js'

// Set aside for benchmarks by RFC 2544; they exist in the two namespaces alone.
const NEAR = '198.18.0.1'
const FAR = '198.18.0.2'

/** Two network namespaces and a slow wire between them. */
export interface DelayedNetwork {
  /** The address of the far end, as the near one sees it. */
  readonly farHost: string
  /** What runs a command at one end. */
  readonly near: readonly string[]
  readonly far: readonly string[]
  close(): Promise<void>
}

/** **Fails** when this machine does not allow it, and says why. */
export async function delayedNetwork(oneWayMs: number): Promise<DelayedNetwork> {
  needPrograms({ ip: 'iproute2', cc: 'build-essential' })
  if (!existsSync('/dev/net/tun')) throw new Error('missing: /dev/net/tun')
  const names = ['near', 'far'].map((end) => `relay-bench-${process.pid}-${end}`) as [string, string]
  const removals = names.map((name) => {
    ip('netns', 'add', name)
    return cleanUp(() => spawnSync('ip', ['netns', 'del', name]))
  })
  const wire = new Program(buildLink(), [...names, `${oneWayMs * 1_000}`])
  await wire.printed('ready', 5_000)
  for (const [name, own, other] of [
    [names[0], NEAR, FAR],
    [names[1], FAR, NEAR],
  ] as const) {
    ip('-n', name, 'link', 'set', 'lo', 'up')
    ip('-n', name, 'addr', 'add', own, 'peer', other, 'dev', 'wire')
    ip('-n', name, 'link', 'set', 'wire', 'up')
  }
  const inside = (name: string): string[] => [findProgram('ip') ?? 'ip', 'netns', 'exec', name]
  return {
    farHost: FAR,
    near: inside(names[0]),
    far: inside(names[1]),
    async close() {
      await wire.stop()
      for (const remove of removals) remove()
    },
  }
}

function buildLink(): string {
  const binary = join(tempFolder(), 'delay-link')
  run('cc', '-O2', '-o', binary, repositoryFile('benchmarks/link/delay-link.c'))
  return binary
}

function ip(...args: readonly string[]): void {
  run('ip', ...args)
}

function run(command: string, ...args: readonly string[]): void {
  const { status, output } = spawnSync(findProgram(command) ?? command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${(output ?? []).join('').trim()}`)
}

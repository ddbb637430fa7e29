import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Address } from '../processes/free-port.js'
import { listening } from '../processes/listening.js'
import { findProgram, Program } from '../processes/program.js'
import { tempFolder } from '../processes/temp-folder.js'
import type { PeerProgram, Route } from './peer-program.js'

/** A relay that runs. */
export interface RunningPeer {
  /** Where clients connect. */
  readonly address: Address
  /** Of the process that all others of it descend from. */
  readonly pid: number
  stop(): Promise<void>
}

/** Starts a relay and resolves when it listens. `prefix` is a command that runs it elsewhere, as `ip netns exec` does. */
export async function startPeer(
  program: PeerProgram,
  route: Route,
  prefix: readonly string[] = [],
): Promise<RunningPeer> {
  const running = launchPeer(program, route, prefix)
  await listening(running, route.listen)
  return { address: route.listen, pid: running.pid, stop: () => running.stop() }
}

/** Starts a relay. */
export function launchPeer(program: PeerProgram, route: Route, prefix: readonly string[] = []): Program {
  const folder = tempFolder()
  const { command = program.command, args, env = {}, files = {} } = program.start(route, folder)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const [first, ...rest] = [...prefix, findProgram(command) ?? command, ...args]
  return new Program(first as string, rest, { env })
}

/** What a relay says of its version; `undefined` when it is not on this machine. */
export function versionOf({ command, version }: PeerProgram): string | undefined {
  if (findProgram(command) === undefined) return undefined
  const { output } = spawnSync(findProgram(version.command) ?? version.command, version.args, {
    encoding: 'utf8',
  })
  return version.pattern.exec((output ?? []).join(''))?.[1] ?? 'unknown'
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { formatAddress } from '../address.js'
import type { LeftOut } from '../cases/index.js'
import type { Result } from '../run-cases.js'
import type { Dimension } from './dimension.js'
import type { PeerProgram } from './peer-program.js'
import { startPeer } from './running-peer.js'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface Verdict {
  readonly exitCode: number | null
  readonly results: readonly Result[]
  readonly leftOut: readonly LeftOut[]
  /** What the relay printed. */
  readonly output: string
}

/**
 * Starts a relay and runs the suite against it, each in a process of its own, as a user does; `undefined` when its program is not on
 * this machine.
 */
export async function holdToClaims(
  program: PeerProgram,
  dimension: Dimension,
  flags: readonly string[] = [],
): Promise<Verdict | undefined> {
  const peer = await startPeer(program, dimension)
  if (peer === undefined) return undefined
  try {
    const { certificateFiles: tls } = peer
    const { code, stdout, stderr } = await runSuite([
      ...[formatAddress(peer.listen), formatAddress(peer.upstream), '--json'],
      ...['--half-close', dimension.halfClose, '--pid', String(peer.pid)],
      ...(tls ? ['--cert', tls.cert, '--key', tls.key] : []),
      ...flags,
    ])
    if (stderr !== '') throw new Error(stderr)
    const { results, leftOut } = JSON.parse(stdout) as Pick<Verdict, 'results' | 'leftOut'>
    await peer.stop()
    return { exitCode: code, results, leftOut, output: peer.output }
  } finally {
    await peer.stop()
  }
}

/** Runs `npm run conformance -- …` but for the build. */
export async function runSuite(
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const script = 'process.exitCode = await (await import(process.argv[1])).run(process.argv.slice(2))'
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await once(child, 'close')) as [number | null]
  const [stdout, stderr] = await texts
  return { code, stdout, stderr }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { formatAddress } from '../../src/address.js'
import type { PeerProgram } from '../../src/peers/peer-program.js'
import { type RunningPeer, startPeer } from '../../src/peers/running-peer.js'
import type { Result } from '../../src/run-cases.js'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface Verdict {
  readonly exitCode: number | null
  readonly results: ReadonlyMap<string, Result>
  /** What the relay printed. */
  readonly output: string
}

/** Starts a relay and runs the suite against it, each in a process of its own, as a user does. */
export async function holdToClaims(program: PeerProgram, flags: readonly string[] = []): Promise<Verdict> {
  const peer = (await startPeer(program)) as RunningPeer
  try {
    const { code, stdout, stderr } = await runSuite([
      formatAddress(peer.listen),
      formatAddress(peer.upstream),
      '--json',
      ...flags,
    ])
    if (stderr !== '') throw new Error(stderr)
    const { results } = JSON.parse(stdout) as { results: readonly Result[] }
    await peer.stop()
    return { exitCode: code, results: new Map(results.map((one) => [one.id, one])), output: peer.output }
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

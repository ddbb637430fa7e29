import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 5

interface WayOut {
  /** How long the threads may take. */
  readonly patienceMs: number
  /** Ends the process if they take longer. */
  readonly signal: NodeJS.Signals
}

const ways: Readonly<Record<number, WayOut>> = {
  0: { patienceMs: 1_000, signal: 'SIGTERM' },
  130: { patienceMs: 100, signal: 'SIGINT' },
  143: { patienceMs: 100, signal: 'SIGTERM' },
}
const otherwise: WayOut = { patienceMs: 10_000, signal: 'SIGKILL' }

/**
 * Ends the process with this code.
 *
 * Node's exit waits for the threads that ask a name server or a disk, for as long as those do not answer. A stop is not to wait for that:
 * the process is then ended by a signal; and a signal that comes later is no longer caught.
 */
export async function endProcess(exitCode: number): Promise<never> {
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal)
  const { patienceMs, signal } = ways[exitCode] ?? otherwise
  if (!(await threadsRest(patienceMs))) process.kill(process.pid, signal)
  process.exit(exitCode)
}

// One that only has something to do has a moment without, soon.
async function threadsRest(patienceMs: number): Promise<boolean> {
  const until = performance.now() + patienceMs
  while (process.getActiveResourcesInfo().some((kind) => /^(FSReq|GetAddrInfoReq)/.test(kind))) {
    if (performance.now() > until) return false
    await sleep(LOOK_MS)
  }
  return true
}

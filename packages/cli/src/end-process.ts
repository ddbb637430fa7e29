import { setTimeout as sleep } from 'node:timers/promises'

const LOOKS = 20
const LOOK_MS = 5

const killedBy: Readonly<Record<number, NodeJS.Signals>> = { 130: 'SIGINT', 143: 'SIGTERM' }

/**
 * Ends the process with this code.
 *
 * Node's exit waits for the threads that ask a name server or a disk, for as long as those do not answer. A second signal is not to wait
 * for that: who was forced to leave is then ended by the signal itself, and one that comes later is no longer caught.
 */
export async function endProcess(exitCode: number): Promise<never> {
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal)
  const signal = killedBy[exitCode]
  if (signal !== undefined && (await hasStuckThread())) process.kill(process.pid, signal)
  process.exit(exitCode)
}

// One that only has something to do has a moment without, soon.
async function hasStuckThread(): Promise<boolean> {
  for (let looks = 0; looks < LOOKS; looks++) {
    if (!process.getActiveResourcesInfo().some((kind) => /^(FSReq|GetAddrInfoReq)/.test(kind))) return false
    await sleep(LOOK_MS)
  }
  return true
}

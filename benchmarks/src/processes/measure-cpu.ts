import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from './process-usage.js'

// What a relay still does when its client has gone: closing, and reaping its children.
const SETTLE_MS = 100

// At rest is who uses less than a tenth of a processor; or who never is.
const LOOK_EVERY_MS = 200
const RESTLESS_LOOKS = 25

/** What `work` gives, and the CPU seconds that a process spent on it; `undefined` without a process. */
export async function measureCpu<T>(
  pid: number | undefined,
  work: () => Promise<T>,
): Promise<{ result: T; cpu: number | undefined }> {
  if (pid === undefined) return { result: await work(), cpu: undefined }
  await atRest(pid)
  const before = cpuSeconds(pid)
  const result = await work()
  await sleep(SETTLE_MS)
  return { result, cpu: cpuSeconds(pid) - before }
}

// What went before, a warm-up that was broken off with all its connections, is not what is measured.
async function atRest(pid: number): Promise<void> {
  let used = cpuSeconds(pid)
  for (let looks = 0; looks < RESTLESS_LOOKS; looks++) {
    await sleep(LOOK_EVERY_MS)
    const now = cpuSeconds(pid)
    if ((now - used) * 1_000 < LOOK_EVERY_MS / 10) return
    used = now
  }
}

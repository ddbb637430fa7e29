import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from './process-usage.js'

// What a relay still does when its client has gone: closing, and reaping its children.
const SETTLE_MS = 100

/** What `work` gives, and the CPU seconds that a process spent on it; `undefined` without a process. */
export async function measureCpu<T>(
  pid: number | undefined,
  work: () => Promise<T>,
): Promise<{ result: T; cpu: number | undefined }> {
  if (pid === undefined) return { result: await work(), cpu: undefined }
  const before = cpuSeconds(pid)
  const result = await work()
  await sleep(SETTLE_MS)
  return { result, cpu: cpuSeconds(pid) - before }
}

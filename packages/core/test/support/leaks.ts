import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'

/** Runs a scenario; fails if descriptors or handles are not back at their baseline after it, or anything went unhandled or warned. */
export async function checkLeaks(scenario: () => Promise<void>): Promise<void> {
  const faults: unknown[] = []
  const note = (fault: unknown): void => void faults.push(fault)
  process.on('warning', note)
  const before = resources()
  try {
    await scenario()
    // Closing is asynchronous in the kernel and in libuv: the baseline must come back, and soon.
    const deadline = performance.now() + 5_000
    while (!atMost(resources(), before) && performance.now() < deadline) await sleep(5)
    expect(resources()).toEqual(expect.objectContaining(lower(resources(), before)))
    expect(faults).toEqual([])
  } finally {
    process.off('warning', note)
  }
}

const WATCHED = ['sockets', 'TCPSocketWrap', 'TCPServerWrap', 'PipeWrap', 'TLSWrap', 'Timeout'] as const
type Resources = Record<(typeof WATCHED)[number], number>

function resources(): Resources {
  const counts = Object.fromEntries(WATCHED.map((kind) => [kind, 0])) as Resources
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind in counts) counts[kind as keyof Resources]++
  }
  counts.sockets = openSockets()
  return counts
}

/** Sockets that this process has open, as the kernel sees it. */
export function openSockets(): number {
  let count = 0
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')) count++
    } catch {
      // It was closed meanwhile, as the descriptor of readdir itself is.
    }
  }
  return count
}

// Timers of the test runner come and go: only more than before is a leak.
function atMost(now: Resources, before: Resources): boolean {
  return WATCHED.every((kind) => kind === 'Timeout' || now[kind] <= before[kind])
}

function lower(now: Resources, before: Resources): Partial<Resources> {
  return Object.fromEntries(
    WATCHED.filter((kind) => kind !== 'Timeout').map((kind) => [kind, Math.min(now[kind], before[kind])]),
  )
}

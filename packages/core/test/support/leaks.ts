import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, onTestFinished } from 'vitest'

// Loaded before each test file: after every test its descriptors and handles must be back at what they were before it, and
// nothing may have warned.
beforeEach(() => {
  const before = openResources()
  const warnings: unknown[] = []
  const note = (warning: unknown): void => void warnings.push(warning)
  process.on('warning', note)
  // The first to be registered is the last to be called: after the test has closed what it opened.
  onTestFinished(async () => {
    process.off('warning', note)
    // Closing is asynchronous, in the kernel and in libuv: the baseline must come back, and soon.
    const deadline = performance.now() + 5_000
    while (leaked(before).length > 0 && performance.now() < deadline) await sleep(5)
    expect(leaked(before), 'left open by the test').toEqual([])
    expect(warnings).toEqual([])
  })
})

const HANDLES = new Set([
  'TCPSocketWrap',
  'TCPServerWrap',
  'PipeWrap',
  'PipeServerWrap',
  'TLSWrap',
  'ProcessWrap',
])

/** What the process has open now: sockets by their descriptor, handles by their kind. */
function openResources(): readonly string[] {
  return [...openSockets(), ...process.getActiveResourcesInfo().filter((kind) => HANDLES.has(kind))]
}

function openSockets(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith('socket:') ? [target] : []
    } catch {
      // It was closed meanwhile, as the descriptor of readdir itself is.
      return []
    }
  })
}

function leaked(before: readonly string[]): string[] {
  const old = [...before]
  return openResources().filter((resource) => {
    const index = old.indexOf(resource)
    if (index >= 0) old.splice(index, 1)
    return index < 0
  })
}

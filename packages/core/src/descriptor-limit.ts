import { readdirSync, readFileSync } from 'node:fs'

// Node's own, log files, listeners, DNS look-ups: what a process opens beside its sessions.
const SPARE = 64

/**
 * How many sessions the process can hold with two descriptors each, and some to spare; 0 (no limit) where the platform does not say.
 *
 * Beyond its descriptors Node accepts and closes clients silently, so a server has to stop before.
 */
export function sessionsByDescriptors(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    if (limit === undefined) return 0
    const used = readdirSync('/proc/self/fd').length
    return Math.max(1, Math.floor((Number(limit) - used - SPARE) / 2))
  } catch {
    return 0
  }
}

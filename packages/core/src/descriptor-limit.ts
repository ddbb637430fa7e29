import { readdirSync, readFileSync } from 'node:fs'

// Node's own, log files, listeners, DNS look-ups: what a process opens beside its sessions.
const SPARE = 64

/**
 * How many sessions the process can hold with two descriptors each, and some to spare; 0 (no limit) where the platform does not say.
 *
 * @param kept - Descriptors that are open beside those of sessions, such as a pool's idle connections.
 *
 * Beyond its descriptors Node accepts and closes clients silently, so a server has to stop before.
 */
export function sessionsByDescriptors(kept = 0): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    if (limit === undefined) return 0
    const used = readdirSync('/proc/self/fd').length
    return Math.max(1, Math.floor((Number(limit) - used - kept - SPARE) / 2))
  } catch {
    return 0
  }
}

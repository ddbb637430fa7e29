import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { type ProcStat, parseProcStat, treeOf } from './proc-stat.js'

const TICKS_PER_SECOND = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout?.trim()) || 100

/** CPU seconds, user and system, that a process and all its children have used. */
export function cpuSeconds(pid: number): number {
  return treeOf(pid, everyProcess()).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND
}

/** Bytes of resident memory of a process and its children; what several share counts once. */
export function residentBytes(pid: number): number {
  const sizes = treeOf(pid, everyProcess()).map((stat) => {
    const text = read(`/proc/${stat.pid}/smaps_rollup`)
    return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024
  })
  return sizes.reduce((sum, size) => sum + size, 0)
}

function everyProcess(): readonly ProcStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => read(`/proc/${name}/stat`))
    .filter((line) => line !== '')
    .map(parseProcStat)
}

// It may have ended since it was listed.
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseProcStat, treeOf } from '../src/processes/proc-stat.js'

const line = (pid: number, name: string, parent: number, times: string): string =>
  `${pid} (${name}) S ${parent} ${pid} ${pid} 0 -1 4194560 1 2 3 4 ${times} 20 0 1 0 12345`

describe('a line of /proc/PID/stat', () => {
  it('gives the ticks of the process and of the children it has waited for', () => {
    expect(parseProcStat(line(42, 'nginx', 1, '10 20 300 4000'))).toEqual({ pid: 42, parent: 1, ticks: 4330 })
  })

  it('may have a name that looks like the fields behind it', () => {
    expect(parseProcStat(line(7, 'a) S 9 (b', 3, '1 1 0 0'))).toEqual({ pid: 7, parent: 3, ticks: 2 })
  })

  it('fails for anything else', () => {
    expect(() => parseProcStat('nonsense')).toThrow("expected a line of /proc/PID/stat, got 'nonsense'")
    expect(() => parseProcStat('1 (cut) S 1 2')).toThrow('expected a line')
  })

  it.runIf(process.platform === 'linux')('is what the kernel writes', () => {
    const own = parseProcStat(readFileSync('/proc/self/stat', 'latin1'))
    expect(own).toMatchObject({ pid: process.pid, parent: process.ppid })
    expect(own.ticks).toBeGreaterThan(0)
  })
})

it('has a process and all that descend from it in its tree, and nobody else', () => {
  const stat = (pid: number, parent: number) => ({ pid, parent, ticks: 1 })
  const all = [stat(1, 0), stat(30, 20), stat(20, 10), stat(10, 1), stat(11, 1), stat(21, 10)]
  expect(treeOf(10, all).map(({ pid }) => pid)).toEqual([10, 20, 21, 30])
  expect(treeOf(99, all)).toEqual([])
})

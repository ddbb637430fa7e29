/** What a line of /proc/PID/stat says of a process. */
export interface ProcStat {
  readonly pid: number
  readonly parent: number
  /** Clock ticks of CPU, user and system, its own and those of the children it has waited for. */
  readonly ticks: number
}

/** **Fails** on what is no such line. */
export function parseProcStat(line: string): ProcStat {
  // The name stands in parentheses and may hold anything, parentheses and spaces too.
  const end = line.lastIndexOf(')')
  const fields = line.slice(end + 2).split(' ')
  const pid = Number.parseInt(line, 10)
  const [parent, ...times] = [1, 11, 12, 13, 14].map((at) => Number(fields[at]))
  const ticks = times.reduce((sum, time) => sum + time, 0)
  if (end < 0 || !Number.isInteger(pid) || !Number.isInteger(parent) || !Number.isFinite(ticks)) {
    throw new Error(`expected a line of /proc/PID/stat, got '${line.slice(0, 80)}'`)
  }
  return { pid, parent: parent as number, ticks }
}

/** A process and all that it brought forth, among these. */
export function treeOf(pid: number, all: readonly ProcStat[]): readonly ProcStat[] {
  const children = new Map<number, ProcStat[]>()
  for (const stat of all) {
    const siblings = children.get(stat.parent)
    if (siblings === undefined) children.set(stat.parent, [stat])
    else siblings.push(stat)
  }
  const tree = all.filter((stat) => stat.pid === pid)
  // It grows while it is walked.
  for (const stat of tree) tree.push(...(children.get(stat.pid) ?? []))
  return tree
}

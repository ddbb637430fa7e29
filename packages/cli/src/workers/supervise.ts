import cluster from 'node:cluster'
import { SocketFile } from '@relay/core/connector'
import { createLog, type Fields } from '../log.js'
import type { Shell } from '../shell.js'
import { addFields } from './add-fields.js'
import { WorkerSlot } from './worker-slot.js'

// Longer than a worker has to leave, and than it takes to kill one that does not.
const LEAVE_MS = 2_500

/**
 * Runs the command in `count` processes that accept from one listening socket, and speaks for all: it hands on what they print, says
 * once that they listen and what they did in all, passes on the signal to stop, and follows a worker that died with another.
 *
 * **Ends** when all have ended after a signal. **Fails** when one does not come up, which has then said why.
 */
export async function supervise(count: number, json: boolean | undefined, shell: Shell): Promise<void> {
  const { stop } = shell
  const over = (): Promise<unknown> => Promise.all(slots.map((slot) => slot.over))
  const log = createLog(shell.stderr, { json, env: shell.env })
  // Each worker accepts by itself. The other policy has the primary accept, and hand over each socket.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  let listening: Fields = {}
  let socketFile: SocketFile | undefined
  let announced = false
  const announce = (): void => log('info', 'listening', { ...listening, workers: count })
  let totals: Fields = {}
  const host = {
    ...shell,
    log,
    listening(fields: Fields) {
      const moved = listening.listen !== fields.listen
      // Whoever joins others has bound nothing.
      if (!slots.some((slot) => slot.listens)) socketFile = socketFileOf(fields.listen)
      listening = fields
      // A port that was picked is picked anew when no worker was left to keep it.
      if (announced && moved) announce()
    },
    stopped(fields: Fields) {
      totals = addFields(totals, fields)
    },
  }
  const { program } = shell
  const [stdoutIsTTY, stderrIsTTY] = [shell.stdout.isTTY, shell.stderr.isTTY]
  const slots = Array.from({ length: count }, (_, place) => {
    return new WorkerSlot({ index: place + 1, count, stdoutIsTTY, stderrIsTTY, program }, host)
  })
  const cut = (exitCode: number): Promise<unknown> => {
    for (const slot of slots) slot.force(exitCode)
    return over()
  }
  stop.cover({ cut }, LEAVE_MS)
  shell.onReopen?.(() => {
    for (const slot of slots) slot.reopen()
  })
  announced = (await stop.unlessAsked(launchAll(slots))) === true
  if (announced) announce()
  const signal = await stop.asked
  socketFile?.remove()
  if (signal !== undefined) for (const slot of slots) slot.stop(signal)
  await over()
  // One that was just being started may have bound it anew.
  socketFile?.remove()
  log('info', 'stopped', { signal, ...totals })
}

// Workers leave it: none knows whether it is the last.
function socketFileOf(listen: unknown): SocketFile | undefined {
  const [, path] = /^unix:(.*)$/s.exec(String(listen)) ?? []
  return path === undefined ? undefined : SocketFile.at(path)
}

/** The first alone: what is wrong with the flags is wrong with all, and said once. */
async function launchAll(slots: readonly WorkerSlot[]): Promise<true> {
  const [first, ...others] = slots
  await first?.launch()
  await Promise.all(others.map((slot) => slot.launch()))
  return true
}

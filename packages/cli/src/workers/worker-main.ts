// What a worker of `--workers` runs: the command itself, with the primary in the place of the terminal.
import '../calm-signals.js'
import cluster from 'node:cluster'
import { endProcess } from '../end-process.js'
import { type Io, onProcessStrayError } from '../io.js'
import { run } from '../main.js'
import { onReopenSignal } from '../process-signals.js'
import type { Order, WorkerReport, WorkerStart } from './worker-link.js'

const [, , start = '', ...argv] = process.argv
const { index, count, stdoutIsTTY, stderrIsTTY, program }: WorkerStart = JSON.parse(start)

// A terminal sends Ctrl-C, and a service manager SIGTERM, to the whole group. The primary has it too, and says what is to be done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

const io: Io = {
  stdout: Object.assign(process.stdout, { isTTY: stdoutIsTTY }),
  stderr: Object.assign(process.stderr, { isTTY: stderrIsTTY }),
  env: process.env,
  program,
  worker: {
    index,
    count,
    report: (report: WorkerReport) => new Promise((resolve) => process.send?.(report, () => resolve())),
    onForced(listener) {
      process.on('message', (order: Order) => {
        if ('force' in order) listener(order.force)
      })
      cluster.worker?.once('disconnect', () => {
        // Node would have the process exit here, with all its sessions open.
        if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true
        listener(1)
      })
    },
  },
  onSignal(listener) {
    let told = false
    process.on('message', (order: Order) => {
      // It may be told twice, and that is no second signal: of that one the primary makes an order of its own.
      if (told || !('stop' in order)) return
      told = true
      listener(order.stop)
    })
  },
  onReopen(listener) {
    onReopenSignal(listener)
    process.on('message', (order: Order) => {
      if ('reopen' in order) listener()
    })
  },
  onStrayError: onProcessStrayError,
  onExit: (listener) => void process.once('exit', listener),
}

await endProcess(await run(argv, io))

// What a worker of `--workers` runs: the command itself, with the primary in the place of the terminal.
import type { Io } from '../io.js'
import { run } from '../main.js'
import type { StopOrder, WorkerReport, WorkerStart } from './worker-link.js'

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
  },
  onSignal(listener) {
    const onMessage = ({ stop }: StopOrder): void => listener(stop)
    // It may be told twice, and has to stop once: at a second signal the primary ends it.
    process.once('message', onMessage)
    return () => process.off('message', onMessage)
  },
}

process.exit(await run(argv, io))

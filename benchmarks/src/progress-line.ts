import type { Progress } from './run-workload.js'
import type { Metric } from './workload.js'

/** Says on stderr what is being measured: one line that is written over on a terminal, elsewhere a line for each measurement. */
export function progressLine(metrics: readonly Metric[]): Progress {
  const { stderr } = process
  return (text, values) => {
    if (values === undefined) {
      if (stderr.isTTY) stderr.write(`\r\x1b[K${text} …`)
      return
    }
    const shown = metrics
      .filter(({ id }) => values[id] !== undefined)
      .map(({ id, unit, digits }) => `${(values[id] as number).toFixed(digits)} ${unit}`)
    stderr.write(`${stderr.isTTY ? '\r\x1b[K' : ''}${text}: ${shown.join(', ') || 'failed'}\n`)
  }
}

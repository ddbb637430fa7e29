import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** What is alive: measured after a full collection. */
export function heapUsed(): number {
  gc()
  return process.memoryUsage().heapUsed
}

// One library, one number of workers, a process of its own: node pool-cycles.js <library> <workers> <seconds>
import { poolAdapters } from '../pools/pool-adapters.js'
import { timedCycles } from '../pools/timed-cycles.js'

const MAX = 10
const WARM_UP_SECONDS = 1

const [library = '', workers, seconds] = process.argv.slice(2)
let created = 0
const make = poolAdapters[library]
if (make === undefined) throw new Error(`no library ${library}`)
const pool = make({ max: MAX, create: async () => ({ id: ++created }), destroy: async () => {} })

// Filled before the clock starts.
const leases = await Promise.all(Array.from({ length: MAX }, () => pool.acquire()))
for (const lease of leases) pool.release(lease)

await timedCycles(pool, Number(workers), WARM_UP_SECONDS)
process.stdout.write(JSON.stringify(await timedCycles(pool, Number(workers), Number(seconds))))
process.exit(0)

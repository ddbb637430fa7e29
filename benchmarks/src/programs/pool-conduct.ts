// What a library does when things go wrong, as JSON by claim: node pool-conduct.js <library>
import { poolAdapters } from '../pools/pool-adapters.js'
import { poolClaims } from '../pools/pool-claims.js'

const make = poolAdapters[process.argv[2] ?? '']
if (make === undefined) throw new Error(`no library ${process.argv[2]}`)

const seen: Record<string, string> = {}
for (const { id, check } of poolClaims) seen[id] = await check(make)
process.stdout.write(JSON.stringify(seen))
process.exit(0)

import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { PeersArguments } from '../arguments.js'
import { casesFor } from '../cases/index.js'
import { summary } from '../report.js'
import type { Result } from '../run-cases.js'
import { type Dimension, nameOfDimension, otherDimensions, tcpForward } from './dimension.js'
import { dimensionsTable } from './dimensions-table.js'
import { holdToClaims } from './hold-to-claims.js'
import type { PeerProgram } from './peer-program.js'
import { peerPrograms } from './peer-programs.js'
import { type Column, peersTable, withTable } from './peers-table.js'
import { versionOf } from './running-peer.js'

const DOCUMENT = fileURLToPath(new URL('../../../../docs/conformance.md', import.meta.url))
// A relay and the suite keep about one processor busy.
const AT_ONCE = Math.min(4, availableParallelism())

/** Holds every relay on this machine to every claim, in every dimension that it has; a full run goes into docs/conformance.md. */
export async function comparePeers(options: PeersArguments): Promise<number> {
  const startedAt = performance.now()
  const programs = peerPrograms.filter(({ name }) => name.includes(options.relay))
  const waiting = programs.flatMap((program) =>
    dimensionsOf(program)
      .filter((dimension) => hasCases(dimension, options))
      .map((dimension) => ({ program, dimension })),
  )
  const found = new Map<string, readonly Result[]>()
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { program, dimension } = next
      found.set(key(program, dimension), await measure(program, dimension, options))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  const columns = (dimension: Dimension): readonly Column[] =>
    programs.map((program) => {
      const results = found.get(key(program, dimension)) ?? []
      return { name: program.name, version: versionOf(program), results }
    })
  const rows = otherDimensions.map((dimension) => ({
    name: nameOfDimension(dimension),
    columns: columns(dimension),
  }))
  const large = peersTable(columns(tcpForward))
  const compact = dimensionsTable(rows)
  if (options.json) process.stdout.write(`${JSON.stringify(Object.fromEntries(found), null, 2)}\n`)
  else process.stdout.write(`${large}\n${compact}`)
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
  process.stderr.write(`${found.size} runs in ${minutes} min\n`)
  if (options.only === '' && options.relay === '') {
    const document = withTable(readFileSync(DOCUMENT, 'utf8'), 'tcp', large)
    writeFileSync(DOCUMENT, withTable(document, 'dimensions', compact))
  }
  const ours = [...found].filter(([name]) => name.startsWith('relay')).flatMap(([, results]) => results)
  return ours.every(({ pass }) => pass) ? 0 : 1
}

// Whatever the end of one side means to it, the large table shows it beside the others.
function dimensionsOf({ halfClose, servers }: PeerProgram): readonly Dimension[] {
  const others = otherDimensions.filter(
    (dimension) => halfClose.includes(dimension.halfClose) && servers.includes(dimension.server),
  )
  return [tcpForward, ...others]
}

function hasCases({ client, server, halfClose }: Dimension, { only, sessions }: PeersArguments): boolean {
  const transports = { client, server }
  const { cases } = casesFor({ halfClose, transports, deadlines: {}, sessions, pid: process.pid })
  return cases.some(({ id }) => id.includes(only))
}

async function measure(
  program: PeerProgram,
  dimension: Dimension,
  { only, jobs, sessions }: PeersArguments,
): Promise<readonly Result[]> {
  const flags = ['--jobs', String(jobs), '--sessions', String(Math.min(sessions, largestCrowd(dimension)))]
  const verdict = await holdToClaims(program, dimension, only === '' ? flags : [...flags, '--only', only])
  const name = key(program, dimension)
  if (verdict === undefined) {
    process.stderr.write(`${name}: missing\n`)
    return []
  }
  process.stderr.write(`${name}: ${summary(verdict.results)}\n${failures(verdict.results)}`)
  return verdict.results
}

// Each TCP connection that has ended stays in the kernel's table for a minute, and whoever looks into it reads all of them: the largest
// crowds are for the large table, and for unix sockets.
function largestCrowd(dimension: Dimension): number {
  const unix = dimension.client === 'unix' && dimension.server === 'unix'
  return unix || dimension === tcpForward ? 3_000 : 500
}

function key({ name }: PeerProgram, dimension: Dimension): string {
  return `${name}, ${nameOfDimension(dimension)}`
}

function failures(results: readonly Result[]): string {
  return results.map(({ id, pass, seen }) => (pass ? '' : `  ${id}: ${seen}\n`)).join('')
}

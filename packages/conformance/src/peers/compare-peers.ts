import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { allCases } from '../cases/index.js'
import { summary } from '../report.js'
import { type Result, runCases } from '../run-cases.js'
import { peerPrograms } from './peer-programs.js'
import { type Column, peersTable, withTable } from './peers-table.js'
import { startPeer, versionOf } from './running-peer.js'

const DOCUMENT = fileURLToPath(new URL('../../../../docs/conformance.md', import.meta.url))

export interface CompareOptions {
  readonly only: string
  readonly jobs: number
  readonly json: boolean
}

/** Holds every relay on this machine to every claim; a full run goes into docs/conformance.md. */
export async function comparePeers({ only, jobs, json }: CompareOptions): Promise<number> {
  const cases = allCases.filter(({ id }) => id.includes(only))
  const columns: Column[] = []
  for (const program of peerPrograms) {
    const { name } = program
    const peer = await startPeer(program)
    if (peer === undefined) {
      process.stderr.write(`${name}: missing\n`)
      columns.push({ name, version: 'missing', results: [] })
      continue
    }
    try {
      const { listen, upstream } = peer
      const results = await runCases({ listen, upstream, cases, jobs })
      const version = versionOf(program)
      columns.push({ name, version, results })
      process.stderr.write(`${name} (${version}): ${summary(results)}\n${failures(results)}`)
    } finally {
      await peer.stop()
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(columns, null, 2)}\n`)
  else process.stdout.write(peersTable(columns))
  if (only === '') writeFileSync(DOCUMENT, withTable(readFileSync(DOCUMENT, 'utf8'), peersTable(columns)))
  const ours = columns.filter(({ name }) => name.startsWith('relay'))
  return ours.every(({ results }) => results.every(({ pass }) => pass)) ? 0 : 1
}

function failures(results: readonly Result[]): string {
  return results.map(({ id, pass, seen }) => (pass ? '' : `  ${id}: ${seen}\n`)).join('')
}

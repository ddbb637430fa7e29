import type { Conduct, Subject } from '../workload.js'
import { markdownTable } from './markdown-table.js'

/** Claims by subjects, and what was seen where one does not hold. */
export function conductTable({ claims, seen }: Conduct, subjects: readonly Subject[]): string {
  const columns = subjects.filter(({ id }) => seen[id] !== undefined)
  const head = ['It keeps this', ...columns.map(({ name, version }) => `${name} ${version}`)]
  const rows = claims.map(({ id, claim }) => [
    claim,
    ...columns.map((subject) => text(seen[subject.id]?.[id])),
  ])
  return `### What they do when things go wrong\n\n${markdownTable(head, rows)}`
}

function text(found = '–'): string {
  return found.startsWith('no') ? `**no**${found.slice('no'.length)}` : found
}

import { type Column, row, sum } from './peers-table.js'

/** What was found about each relay in one dimension; a relay that does not have it has no results. */
export interface Row {
  readonly name: string
  readonly columns: readonly Column[]
}

/** Dimensions by relays in Markdown, and each failure once, with the dimensions in which it was seen. */
export function dimensionsTable(rows: readonly Row[]): string {
  const relays = rows[0]?.columns ?? []
  const head = row(['Client → upstream, half-close', ...relays.map(({ name }) => name)])
  const rule = row(['---', ...relays.map(() => ':-:')])
  const body = rows.map(({ name, columns }) => row([name, ...columns.map(cell)]))
  const instead = relays.map(({ name }, at) => failures(name, rows, at)).join('')
  return `${[head, rule, ...body].join('\n')}\n\n${instead}`.trimEnd().concat('\n')
}

function cell({ results }: Column): string {
  return results.length === 0 ? '–' : sum(results)
}

function failures(name: string, rows: readonly Row[], at: number): string {
  const seen = new Map<string, { readonly first: string; readonly where: string[] }>()
  for (const { name: dimension, columns } of rows) {
    for (const { id, pass, seen: first } of columns[at]?.results ?? []) {
      if (pass) continue
      const entry = seen.get(id) ?? { first, where: [] }
      entry.where.push(dimension)
      seen.set(id, entry)
    }
  }
  if (seen.size === 0) return ''
  const lines = [...seen].map(([id, { first, where }]) => `- \`${id}\` (${where.join('; ')}): ${first}\n`)
  return `**${name}**\n\n${lines.join('')}\n`
}

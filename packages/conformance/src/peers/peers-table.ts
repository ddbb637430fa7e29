import type { Result } from '../run-cases.js'

/** A relay and what was found about it; no results when it is missing. */
export interface Column {
  readonly name: string
  readonly version: string
  readonly results: readonly Result[]
}

const START = {
  tcp: '<!-- measured by npm run conformance -- --peers -->',
  dimensions: '<!-- measured in the other dimensions -->',
}
const END = '<!-- end of what was measured -->'

/** Claims by relays in Markdown, and what each failure looked like. */
export function peersTable(columns: readonly Column[]): string {
  const present = columns.find(({ results }) => results.length > 0)
  if (present === undefined) return 'No relay was there to be measured.\n'
  const rows = present.results.map(({ claim }, at) =>
    row([claim, ...columns.map(({ results }) => cell(results[at]))]),
  )
  const head = row(['The relay keeps this', ...columns.map(({ name, version }) => `${name}<br>${version}`)])
  const rule = row(columns.reduce((cells) => [...cells, ':-:'], ['---']))
  const sums = row(['**Claims that hold**', ...columns.map(({ results }) => `**${sum(results)}**`)])
  return `${[head, rule, ...rows, sums].join('\n')}\n\n### What was seen instead\n\n${columns.map(instead).join('')}`
    .trimEnd()
    .concat('\n')
}

/** The document with this table in the place of the last one. */
export function withTable(document: string, which: keyof typeof START, table: string): string {
  const start = document.indexOf(START[which])
  const end = document.indexOf(END, start)
  if (start < 0 || end < 0) throw new Error(`the document lacks the lines ${START[which]} and ${END}`)
  return `${document.slice(0, start)}${START[which]}\n\n${table}\n${document.slice(end)}`
}

export function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function cell(result: Result | undefined): string {
  if (result === undefined) return '–'
  return result.pass ? 'yes' : '**no**'
}

export function sum(results: readonly Result[]): string {
  return results.length === 0
    ? 'missing'
    : `${results.filter(({ pass }) => pass).length} of ${results.length}`
}

function instead({ name, results }: Column): string {
  const failed = results.filter(({ pass }) => !pass)
  if (failed.length === 0) return ''
  return `**${name}**\n\n${failed.map(({ claim, seen }) => `- ${claim}: ${seen}\n`).join('')}\n`
}

import { numberText } from './number-text.js'

/** One bar: where its median lies, and the range of the rounds. */
export interface Bar {
  readonly label: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly highlighted: boolean
}

/** Bars that are measured by one rule. */
export interface BarGroup {
  readonly title: string
  readonly unit: string
  readonly digits: number
  readonly bars: readonly Bar[]
}

const WIDTH = 720
const LABELS = 230
const VALUES = 90
const ROW = 24
const TITLE = 34

// One file for light and dark: a picture in a page follows the reader's setting by itself.
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .unit { fill: #59636e; }
  .bar { fill: #9aa4b0; }
  .ours { fill: #0969da; }
  .range { stroke: #1f2328; stroke-width: 1; opacity: 0.6; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .unit { fill: #9198a1; }
    .bar { fill: #656c76; }
    .ours { fill: #4493f8; }
    .range { stroke: #e6edf3; }
  }
`

/** A picture of groups of horizontal bars, as SVG. Less or more is better: the text beside it says so. */
export function barChart(title: string, groups: readonly BarGroup[]): string {
  let y = 8
  const parts: string[] = []
  for (const group of groups) {
    parts.push(groupOf(group, y))
    y += TITLE + group.bars.length * ROW
  }
  const height = y + 8
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
${parts.join('')}</svg>
`
}

function groupOf({ title, unit, digits, bars }: BarGroup, top: number): string {
  const longest = Math.max(...bars.map(({ value, max }) => Math.max(value, max)), Number.MIN_VALUE)
  const scale = (value: number): number => round((Math.max(0, value) / longest) * (WIDTH - LABELS - VALUES))
  const heading = `<text x="0" y="${top + 18}"><tspan class="title">${escaped(title)}</tspan> <tspan class="unit">${escaped(unit)}</tspan></text>\n`
  const rows = bars.map(({ label, value, min, max, highlighted }, at) => {
    const y = top + TITLE + at * ROW
    const [from, to] = [LABELS + scale(min), LABELS + scale(max)]
    return `<text x="${LABELS - 10}" y="${y + 13}" text-anchor="end">${escaped(label)}</text>
<rect class="bar${highlighted ? ' ours' : ''}" x="${LABELS}" y="${y}" width="${scale(value)}" height="17" rx="2"/>
<line class="range" x1="${from}" x2="${to}" y1="${y + 8.5}" y2="${y + 8.5}"/>
<text x="${Math.max(LABELS + scale(value), to) + 8}" y="${y + 13}">${numberText(value, digits)}</text>
`
  })
  return heading + rows.join('')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

import { formatDuration } from '../duration.js'
import { formatSize } from '../size.js'
import { table } from '../table.js'
import type { Exchange } from './exchange.js'

// Below this the time tells of connecting, not of copying.
const RATE_FROM_BYTES = 1024 * 1024

/** What the trials measured, aligned. */
export function measuredTable(measured: readonly (Exchange & { readonly name: string })[]): string {
  const head = ['', 'sent', 'received', 'time', 'rate', '']
  const rows = measured.map(({ name, sent, received, ms }) => {
    const rate = sent < RATE_FROM_BYTES ? '-' : `${formatSize((sent / ms) * 1_000)}/s`
    return [name, formatSize(sent), formatSize(received), formatDuration(ms), rate, 'every byte checked']
  })
  return table([head, ...rows])
}

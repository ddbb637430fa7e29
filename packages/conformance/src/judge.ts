import { type Finding, nameOf, type Side } from './case.js'
import type { Peer } from './peer.js'

export interface Expected {
  /** At least so many bytes must come. */
  readonly atLeast: number
  /** And not one more than were sent; by default as many as must come. */
  readonly sent?: number
  readonly ending: 'FIN' | 'reset'
  readonly withinMs?: number
}

const END_MS = 8_000

/** Waits for the end of what a side receives, and compares. */
export async function judge(side: Side, peer: Peer, expected: Expected): Promise<Finding> {
  const { atLeast, sent = atLeast, withinMs = END_MS } = expected
  const ending = await peer.endsWithin(withinMs)
  const end = ending === 'open' ? `still open after ${withinMs} ms` : ending
  const spoilt = peer.intact ? '' : ', not those that were sent'
  const of = peer.bytes < atLeast ? ` of ${bytes(atLeast)}` : ''
  const amount = sent === 0 && peer.bytes === 0 ? '' : `${bytes(peer.bytes)}${of}${spoilt}, then `
  return {
    pass: peer.intact && peer.bytes >= atLeast && peer.bytes <= sent && sees(peer, expected.ending),
    seen: `${nameOf(side)}: ${amount}${end}`,
  }
}

/** Whether this is how the peer's stream has ended, as far as its transport shows it. */
export function sees({ transport, ending }: Peer, expected: 'FIN' | 'reset'): boolean {
  // Who has nothing unread cannot reset a unix peer: that its stream ends is all that can be shown to it.
  if (transport === 'unix' && expected === 'reset') return ending === 'FIN' || ending === 'reset'
  return ending === expected
}

/** Several findings as one. */
export function both(...findings: readonly Finding[]): Finding {
  return { pass: findings.every(({ pass }) => pass), seen: findings.map(({ seen }) => seen).join('; ') }
}

/** What was found in many sessions alike. */
export function every(findings: readonly Finding[]): Finding {
  const held = findings.filter(({ pass }) => pass).length
  const seen = findings.find(({ pass }) => !pass)?.seen
  return { pass: seen === undefined, seen: seen === undefined ? `all ${held} so` : `${held} so; ${seen}` }
}

export function bytes(count: number): string {
  if (count >= 1024 * 1024) return `${trim(count / 1024 / 1024)} MiB`
  return count >= 1024 ? `${trim(count / 1024)} KiB` : `${count} B`
}

function trim(number: number): string {
  return number.toFixed(2).replace(/\.?0+$/, '')
}

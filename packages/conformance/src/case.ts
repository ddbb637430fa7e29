import type { Arena } from './arena.js'

export type Side = 'client' | 'server'

/** What a case found out. */
export interface Finding {
  readonly pass: boolean
  /** One line of what was seen. */
  readonly seen: string
}

/** One claim about a relay, and how to find out whether it holds. */
export interface Case {
  readonly id: string
  /** What a relay that hides nothing does. */
  readonly claim: string
  /** It needs the upstream's address for itself, so that nothing may run beside it. */
  readonly alone?: boolean
  run(arena: Arena): Promise<Finding>
}

/** The relay did something that ends a case before its last step. */
export class CaseFailure extends Error {}

export function otherSide(side: Side): Side {
  return side === 'client' ? 'server' : 'client'
}

/** How people call that side of a relay. */
export function nameOf(side: Side): string {
  return side === 'client' ? 'client' : 'upstream'
}

import type { Transport } from './address.js'
import type { Arena } from './arena.js'
import type { HalfClose } from './setting.js'

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
  /** The mode of half-close in which a relay can be held to it; both when it does not say. */
  readonly halfClose?: HalfClose
  /** The transports on which a side cannot do, or cannot see, what the claim is about. */
  readonly beyond?: readonly Beyond[]
  /** It needs the upstream's address or the machine for itself, so that nothing may run beside it. */
  readonly alone?: boolean
  /** It stops the relay, so that it comes last, and only where the relay's process is known. */
  readonly stopsRelay?: boolean
  /** After how long it is given up; 20 s by default. */
  readonly limitMs?: number
  run(arena: Arena): Promise<Finding>
}

/** A claim cannot be told where this side is on that transport; in one mode of half-close only, if it names one. */
interface Beyond {
  readonly side: Side
  readonly transport: Transport
  readonly halfClose?: HalfClose
  readonly why: string
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

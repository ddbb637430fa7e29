import { UNIT_BYTES, type Unit, unitAt, type Way } from './pattern.js'

/** What was wrong with bytes that arrived, in bytes. */
export interface Faults {
  /** Of another session, or of the other direction of this one. */
  foreign: number
  /** Of this session, at another place than theirs. */
  displaced: number
  /** Of nobody. */
  corrupted: number
  /** Behind the end of all that was sent. */
  extra: number
}

/** Whose stream it is. */
export interface Owner {
  readonly session: number
  readonly way: Way
}

export function noFaults(): Faults {
  return { foreign: 0, displaced: 0, corrupted: 0, extra: 0 }
}

/** Counts what is wrong with a chunk that arrived at this offset of a stream that should be as `expected`. */
export function addFaults(
  faults: Faults,
  owner: Owner,
  chunk: Buffer,
  expected: Buffer,
  offset: number,
): void {
  const wanted = expected.subarray(offset, offset + chunk.length)
  if (chunk.equals(wanted)) return
  for (let at = 0; at < chunk.length; ) {
    if (chunk[at] === wanted[at]) {
      at++
      continue
    }
    const run = runAround(chunk, at)
    const until = run?.until ?? at + 1
    const { session, way } = run?.unit ?? {}
    if (session === undefined) faults[at < wanted.length ? 'corrupted' : 'extra']++
    else faults[session === owner.session && way === owner.way ? 'displaced' : 'foreign'] += until - at
    at = until
  }
}

// The longest row of units, each the next one of its stream, in which this byte lies.
function runAround(chunk: Buffer, at: number): { unit: Unit; until: number } | undefined {
  let longest: { unit: Unit; until: number } | undefined
  for (let start = at - UNIT_BYTES + 1; start <= at; start++) {
    const unit = unitAt(chunk, start)
    if (unit === undefined || unit.session === 0) continue
    let until = start + UNIT_BYTES
    for (let next = unitAt(chunk, until); follows(unit, next, until - start); next = unitAt(chunk, until))
      until += UNIT_BYTES
    // One alone may be made of the ends of two others.
    if (until > start + UNIT_BYTES && until > (longest?.until ?? 0)) longest = { unit, until }
  }
  return longest
}

function follows(first: Unit, next: Unit | undefined, bytes: number): boolean {
  return (
    next?.session === first.session &&
    next.way === first.way &&
    next.place === first.place + bytes / UNIT_BYTES
  )
}

const FAULTS = ['fin', 'reset', 'stall', 'slow-read', 'slow-write', 'partial-write'] as const
const SIDES = ['client', 'upstream'] as const
const PHASES = [
  'before-connect',
  'connecting',
  'first-byte',
  'mid-transfer',
  'idle',
  'draining',
  'in-pool',
] as const
const CARRIERS = ['plain', 'tls', 'stage'] as const
const SOURCES = ['fresh', 'pooled'] as const

type Fault = (typeof FAULTS)[number]
export type Side = (typeof SIDES)[number]
type Phase = (typeof PHASES)[number]

/** What the bytes pass on their way: TCP alone, TLS to the upstream, or a stage. */
export type Carrier = (typeof CARRIERS)[number]

/** Whether the upstream connection serves its first session, or comes from a pool. */
type Source = (typeof SOURCES)[number]

/** One fault, of one side, in one phase of a session. */
export interface Cell {
  readonly fault: Fault
  readonly side: Side
  readonly phase: Phase
}

/** One cell, in one of the six ways to carry a session. */
export interface GridRun extends Cell {
  readonly carrier: Carrier
  readonly source: Source
}

/** The runs of one carrier: 72 cells, two sources each. */
export function runsOf(carrier: Carrier): GridRun[] {
  return CELLS.flatMap((cell) => SOURCES.map((source) => ({ ...cell, carrier, source })))
}

export function nameOf({ side, fault, phase, carrier, source }: GridRun): string {
  return `${side} ${fault} ${phase}, ${carrier}, ${source}`
}

/** The 72 cells that exist. */
const CELLS: readonly Cell[] = PHASES.flatMap((phase) =>
  SIDES.flatMap((side) => FAULTS.map((fault) => ({ fault, side, phase }))),
).filter(exists)

function exists({ fault, side, phase }: Cell): boolean {
  // No client has ever seen the pool.
  if (side === 'client') return phase !== 'in-pool'
  // Before anybody connects to it an upstream can only refuse, or not answer.
  if (phase === 'before-connect') return fault === 'reset' || fault === 'stall'
  // While it is being connected to, nothing has been sent to read slowly, or to break off in the middle.
  return phase !== 'connecting' || (fault !== 'slow-read' && fault !== 'partial-write')
}

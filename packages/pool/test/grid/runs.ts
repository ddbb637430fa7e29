import { type Carrier, type Cell, cellsOf, type GridRun, isUnix } from './cells.js'
import { chance } from './chance.js'

/** A test file each. */
export type Suite = 'plain' | 'tls' | 'stage' | 'unix' | 'mixed' | 'half-close' | 'late'

/** `npm run test:grid` plays all that there is; `npm test` a part of the last four, and of the crowds, which it has time for. */
export const isAll: boolean = process.env.RELAY_GRID === 'all'

const ALL_CARRIERS: readonly Carrier[] = ['plain', 'tls', 'stage', 'unix', 'unix-client', 'unix-upstream']
const SOURCES = ['fresh', 'pooled'] as const

export function runsOf(suite: Suite): GridRun[] {
  if (suite === 'unix') return runs([suite], { sources: oneSource })
  if (suite === 'mixed') {
    // What a unix side sees when the other fails is seen on `unix` too; what a TCP side makes of a unix side's fault, only here.
    const cells = (cell: Cell, carrier: Carrier): boolean => isAll || isUnix(carrier, cell.side)
    return runs(['unix-client', 'unix-upstream'], { sources: oneSource, cells })
  }
  if (suite === 'half-close') return halfCloseRuns()
  if (suite === 'late') return lateRuns()
  return runs([suite], {})
}

interface Choice {
  readonly sources?: (cell: Cell, carrier: Carrier) => readonly GridRun['source'][]
  readonly cells?: (cell: Cell, carrier: Carrier) => boolean
  readonly how?: Partial<GridRun>
}

function runs(
  carriers: readonly Carrier[],
  { sources = () => SOURCES, cells = () => true, how = {} }: Choice,
): GridRun[] {
  return carriers.flatMap((carrier) =>
    cellsOf(carrier)
      .filter((cell) => cells(cell, carrier))
      .flatMap((cell) =>
        sources(cell, carrier).map(
          (source): GridRun => ({ ...cell, carrier, source, halfClose: 'forward', late: 'nobody', ...how }),
        ),
      ),
  )
}

function oneSource({ fault, side, phase }: Cell, carrier: Carrier): readonly GridRun['source'][] {
  return isAll ? SOURCES : [chance(`source of ${side} ${fault} ${phase}, ${carrier}`).pick(SOURCES)]
}

const freshAlone = (): readonly GridRun['source'][] => (isAll ? SOURCES : ['fresh'])

// Every end of a session that the first FIN can bring about. That nobody ends it, or nobody is there, is the same as ever.
function halfCloseRuns(): GridRun[] {
  const faults = isAll
    ? ['fin', 'partial-write', 'close', 'close-unread', 'reset', 'slow-read', 'slow-write']
    : ENDS
  const cells = ({ fault, side, phase }: Cell): boolean =>
    faults.includes(fault) &&
    phase !== 'in-pool' &&
    (side === 'client' || (phase !== 'before-connect' && phase !== 'connecting'))
  const carriers = isAll ? ALL_CARRIERS : (['plain', 'unix'] as const)
  return runs(carriers, { sources: freshAlone, cells, how: { halfClose: 'close' } })
}

const ENDS = ['fin', 'partial-write', 'close', 'slow-read']

function lateRuns(): GridRun[] {
  const carriers = isAll ? ALL_CARRIERS : (['plain', 'unix'] as const)
  const faults = { other: ['fin', 'close', 'close-unread', 'reset'], self: ['fin'] }
  return (['forward', 'close'] as const).flatMap((halfClose) =>
    (['other', 'self'] as const).flatMap((late) => {
      const cells = ({ fault, phase }: Cell): boolean =>
        phase === 'mid-transfer' && faults[late].includes(fault)
      return runs(carriers, { sources: freshAlone, cells, how: { halfClose, late } })
    }),
  )
}

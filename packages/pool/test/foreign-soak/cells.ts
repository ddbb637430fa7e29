import { fileURLToPath } from 'node:url'
import type { random } from '../../../core/test/support/random.js'
import type { dialects } from './dialects.js'

export type Rng = ReturnType<typeof random>

/** When a session may end by a FIN of one side alone, and who gets the upstream connection then. */
type Sharing = 'never' | 'trust' | 'proof'

/** How the relay is told to carry sessions. */
interface Carrying {
  readonly dialect: keyof typeof dialects
  readonly sharing: Sharing
  /** Whether the first FIN of either side ends both. A rule withholds the client's. */
  readonly closes: boolean
  readonly flags: readonly string[]
}

const carryings = {
  forward: { dialect: 'raw', sharing: 'never', closes: false, flags: [] },
  close: { dialect: 'raw', sharing: 'never', closes: true, flags: ['--half-close', 'close'] },
  prewarm: { dialect: 'raw', sharing: 'never', closes: false, flags: ['--prewarm', '4'] },
  trust: { dialect: 'raw', sharing: 'trust', closes: true, flags: ['--reuse', 'trust'] },
  redis: { dialect: 'redis', sharing: 'proof', closes: false, flags: ['--reuse', 'redis'] },
  http1: { dialect: 'http1', sharing: 'proof', closes: false, flags: ['--reuse', 'http1'] },
  memcached: { dialect: 'memcached', sharing: 'proof', closes: false, flags: ['--reuse', 'memcached'] },
  lines: { dialect: 'lines', sharing: 'proof', closes: false, flags: ['--reuse', 'lines'] },
  'redis-close': {
    dialect: 'redis',
    sharing: 'proof',
    closes: true,
    flags: ['--reuse', 'redis', '--half-close', 'close'],
  },
} as const satisfies Record<string, Carrying>

/** Stages on the way: one that only passes bytes on, and those that end before their input does. */
const stageKinds = ['none', 'pass', 'limit up', 'limit down', 'stops'] as const
export type StageKind = (typeof stageKinds)[number]

const clients = ['tcp', 'unix'] as const
const upstreams = ['tcp', 'unix', 'tls'] as const

/** One relay: how it carries, between what, and with which stage. */
export interface Cell {
  readonly name: string
  readonly carrying: Carrying
  readonly client: (typeof clients)[number]
  readonly upstream: (typeof upstreams)[number]
  readonly stage: StageKind
}

const allCells: readonly Cell[] = Object.entries(carryings).flatMap(([carried, carrying]) =>
  clients.flatMap((client) =>
    upstreams.flatMap((upstream) =>
      stageKinds.map((stage) => {
        const name = `${carried}, ${client} to ${upstream}, ${stage === 'none' ? 'no stage' : stage}`
        return { name, carrying, client, upstream, stage }
      }),
    ),
  ),
)

const carriedBy =
  (carrying: Carrying) =>
  (cell: Cell): boolean =>
    cell.carrying === carrying

/** What is promised for each of them by itself: which relays its sessions go through. */
export const modes: Readonly<Record<string, (cell: Cell) => boolean>> = {
  ...Object.fromEntries(
    Object.entries(carryings).map(([name, carrying]) => [name, carriedBy(carrying)] as const),
  ),
  stages: ({ stage }) => endsEarly(stage),
  unix: ({ client, upstream }) => client === 'unix' || upstream === 'unix',
  tls: ({ upstream }) => upstream === 'tls',
}

// So many sessions make a relay worth starting.
const SESSIONS_OF_A_CELL = 250

/** The relays for so many sessions of a mode: all of them, or as many as are worth it, in an order of chance. @param only - Part of a name. */
export function cellsOf(mode: string, sessions: number, only: string, rng: Rng): readonly Cell[] {
  const isOf = modes[mode]
  if (isOf === undefined)
    throw new RangeError(`no such mode: ${mode}; there are ${Object.keys(modes).join(', ')}`)
  const cells = allCells.filter((cell) => isOf(cell) && cell.name.includes(only))
  for (let left = cells.length; left > 1; left--) {
    const other = rng.int(left)
    const [one, two] = [cells[left - 1] as Cell, cells[other] as Cell]
    cells[left - 1] = two
    cells[other] = one
  }
  return cells.slice(0, Math.max(1, Math.round(sessions / SESSIONS_OF_A_CELL)))
}

export function endsEarly(stage: StageKind): boolean {
  return stage !== 'none' && stage !== 'pass'
}

/** The flags of the command for a stage that lets so many bytes pass. */
export function stageFlags(stage: StageKind, bytes: number): readonly string[] {
  if (stage === 'none') return []
  if (stage === 'pass') return ['--stage', 'pass']
  if (stage === 'stops')
    return ['--stage', `${fileURLToPath(new URL('./stops.mjs', import.meta.url))}:${bytes}`]
  return [stage === 'limit up' ? '--up' : '--down', `limit:${bytes}`]
}

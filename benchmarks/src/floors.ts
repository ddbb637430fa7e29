import type { WorkloadResult } from './run-workload.js'
import { summarize } from './statistics.js'
import { ratioOf, valuesOf } from './values-of.js'

/** What this relay has to reach at least. */
export interface Floor {
  readonly claim: string
  readonly bound: number
  readonly atMost: boolean
  /** What was measured; `undefined` when it was not. */
  readonly value: number | undefined
  readonly pass: boolean | undefined
}

/** One value of a run: `bulk down nginx cpu`. */
type Path = readonly [workload: string, testCase: string, subject: string, metric: string]

/** Every floor, held against what was measured. */
export function judgeFloors(results: readonly WorkloadResult[]): readonly Floor[] {
  const of = ([workload, testCase, subject, metric]: Path): readonly number[] => {
    const result = results.find(({ id }) => id === workload)
    return result === undefined ? [] : valuesOf(result, testCase, subject, metric)
  }
  const value = (...path: Path): number | undefined => summarize(of(path))?.median
  const ratio = (path: Path, subject: string): number | undefined =>
    ratioOf(of(path), of([path[0], path[1], subject, path[3]]))
  /** Against the best of those who are not ours. */
  const ratioToBest = (path: Path): number | undefined => {
    const others = results
      .find(({ id }) => id === path[0])
      ?.subjects.filter(({ id, ours }) => !ours && id !== 'direct' && id !== 'none')
    const ratios = (others ?? []).map(({ id }) => ratio(path, id)).filter((one) => one !== undefined)
    return ratios.length === 0 ? undefined : Math.max(...ratios)
  }
  return [
    ...bulkFloors(ratio),
    ...messageFloors(ratio),
    atLeast('connections: rate, of nginx’s', 0.65, ratio(['connections', 'http', 'relay', 'rate'], 'nginx')),
    atLeast(
      'connections, two workers each: rate, of nginx’s',
      0.65,
      ratio(['connections', 'http', 'relay-workers', 'rate'], 'nginx-workers'),
    ),
    atLeast(
      'connections, prewarmed: rate, of ours when it dials',
      0.9,
      ratio(['connections', 'http', 'relay-prewarm', 'rate'], 'relay'),
    ),
    atLeast(
      'connections, `--reuse redis`: rate, of ours when it dials',
      1,
      ratio(['connections', 'redis', 'relay-reuse', 'rate'], 'relay'),
    ),
    ...firstAnswerFloors(ratioToBest),
    atMost('idle: KB a session at 8,000', 14, value('idle', '8000', 'relay', 'memory')),
    atMost('start-up: ms to listening', 150, value('start-up', 'listening', 'relay', 'time')),
    atMost('start-up: ms of `relay --help`', 100, value('start-up', 'help', 'relay', 'time')),
    ...stageFloors(ratio),
    ...['1', '64', '1000'].map((borrowers) =>
      atMost(
        `pools, borrowers: ${borrowers}: CPU a cycle, of the fastest other’s`,
        1,
        ratioToBest(['pools', borrowers, 'relay', 'cpu']),
      ),
    ),
  ]
}

type Ratio = (path: Path, subject: string) => number | undefined

function bulkFloors(ratio: Ratio): readonly Floor[] {
  return [
    atMost('bulk down: CPU, of nginx’s', 0.72, ratio(['bulk', 'down', 'relay', 'cpu'], 'nginx')),
    atMost('bulk down: CPU, of Go’s', 1, ratio(['bulk', 'down', 'relay', 'cpu'], 'go')),
    atMost('bulk up: CPU, of nginx’s', 1, ratio(['bulk', 'up', 'relay', 'cpu'], 'nginx')),
  ]
}

function messageFloors(ratio: Ratio): readonly Floor[] {
  const cases = { c50: '50 clients', c1: '1 client', pipelined: 'pipelined' }
  const rows = { relay: '', 'relay-reuse': ', over a reused lease' }
  return Object.entries(cases).flatMap(([testCase, name]) =>
    Object.entries(rows).flatMap(([row, suffix]) => [
      atMost(
        `messages, ${name}${suffix}: CPU, of nginx’s`,
        1.4,
        ratio(['messages', testCase, row, 'cpu'], 'nginx'),
      ),
      atMost(
        `messages, ${name}${suffix}: CPU, of Node’s \`pipe\``,
        1.05,
        ratio(['messages', testCase, row, 'cpu'], 'pipe'),
      ),
    ]),
  )
}

function firstAnswerFloors(ratioToBest: (path: Path) => number | undefined): readonly Floor[] {
  const bounds = { tcp: 0.55, tls: 0.4 }
  const rows = { 'relay-prewarm': 'prewarmed', 'relay-reuse': 'reused' }
  return Object.entries(bounds).flatMap(([testCase, bound]) =>
    Object.entries(rows).map(([row, name]) =>
      atMost(
        `first answer, ${testCase.toUpperCase()}, ${name}: time, of the fastest peer’s`,
        bound,
        ratioToBest(['first-answer', testCase, row, 'p50']),
      ),
    ),
  )
}

function stageFloors(ratio: Ratio): readonly Floor[] {
  const of = 'of `pipeline` through one Transform'
  const bulk = (row: string): number | undefined => ratio(['stages', 'bulk', row, 'cpuOfBulk'], 'transform')
  const message = (row: string): number | undefined =>
    ratio(['stages', 'messages', row, 'cpuOfMessage'], 'transform')
  return [
    atMost(`one function stage, bulk: CPU, ${of}`, 1.25, bulk('stages-1')),
    atMost(`one function stage, messages: CPU, ${of}`, 1.4, message('stages-1')),
    atMost(`three function stages, bulk: CPU, ${of}`, 1.6, bulk('stages-3')),
    atMost(`three function stages, messages: CPU, ${of}`, 1.6, message('stages-3')),
  ]
}

function atMost(claim: string, bound: number, value: number | undefined): Floor {
  return { claim, bound, atMost: true, value, pass: value === undefined ? undefined : value <= bound }
}

function atLeast(claim: string, bound: number, value: number | undefined): Floor {
  return { claim, bound, atMost: false, value, pass: value === undefined ? undefined : value >= bound }
}

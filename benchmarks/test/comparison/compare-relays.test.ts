import { expect, it } from 'vitest'
import { compareRelays } from '../../src/comparison/compare-relays.js'
import type { ComparedWorkload } from '../../src/comparison/compared-workloads.js'
import { relayProgram } from '../../src/peers/relay-program.js'

const programs = {
  old: relayProgram('old', 'old', []),
  new: relayProgram('new', 'new', []),
  control: relayProgram('control', 'control', []),
}

/** A workload that writes down what it is asked for, and gives what it is told to. */
function workloadOf(
  log: string[],
  measure: (side: string) => Record<string, number> = () => ({ cpu: 1, rate: 2, p50: 3 }),
): ComparedWorkload {
  const metric = (id: string) => ({ id, name: id, unit: 's', better: 'less' as const, digits: 0 })
  return {
    id: 'work',
    name: 'Work',
    judged: ['cpu', 'rate'],
    cases: [{ id: 'a', name: 'case a' }],
    metrics: ['cpu', 'rate', 'p50'].map(metric),
    async open(settings) {
      const ids = settings.programs?.map(({ id }) => id) ?? []
      log.push(`open ${ids.join(' ')}`)
      return {
        subjects: ids.map((id) => ({ id, name: id, ours: true, version: '1' })),
        warmUp: async (side, testCase) => void log.push(`warm up ${side} ${testCase}`),
        async measure(side, testCase) {
          log.push(`measure ${side} ${testCase}`)
          return measure(side)
        },
        close: async () => void log.push('close'),
      }
    },
  }
}

const compare = (workload: ComparedWorkload, pairs = 1) =>
  compareRelays({ workloads: [workload], programs, pairs, seconds: 1, progress: () => () => {} })

it('starts and measures the relays of each pair anew, in the order of the pair, each warmed up', async () => {
  const log: string[] = []
  await compare(workloadOf(log), 2)
  const measured = (side: string) => [`warm up ${side} a`, `measure ${side} a`]
  expect(log).toEqual([
    ...['open old new control', ...['old', 'new', 'control'].flatMap(measured), 'close'],
    ...['open control new old', ...['control', 'new', 'old'].flatMap(measured), 'close'],
  ])
})

it('keeps all values of each pair, and names the metrics that are judged', async () => {
  const [result] = await compare(workloadOf([]))
  const values = { cpu: 1, rate: 2, p50: 3 }
  expect(result?.pairs).toEqual([{ old: values, new: values, control: values }])
  expect(result?.metrics.map(({ id }) => id)).toEqual(['cpu', 'rate'])
  expect(result).toMatchObject({ workload: 'work', case: 'a', name: 'Work, case a', failures: [] })
})

it('goes on when one side fails, and says which and why', async () => {
  const workload = workloadOf([], (side) => {
    if (side === 'new') throw new Error('it broke')
    return { cpu: 1, failed: side === 'old' ? 7 : 0 }
  })
  const [result] = await compare(workload)
  expect(result?.failures).toEqual(['pair 1, old: 7 connections failed', 'pair 1, new: it broke'])
  expect(Object.keys(result?.pairs[0] ?? {})).toEqual(['old', 'control'])
})

it('says of a relay that did not start why', async () => {
  const workload = workloadOf([])
  const [result] = await compare({
    ...workload,
    async open(settings) {
      const opened = await workload.open(settings)
      const subjects = opened.subjects.map((one) => (one.id === 'old' ? { ...one, missing: 'no port' } : one))
      return { ...opened, subjects }
    },
  })
  expect(result?.failures).toEqual(['pair 1, old: no port'])
})

it('goes on when a workload cannot be opened', async () => {
  const open = async () => {
    throw new Error('no redis')
  }
  const [result] = await compare({ ...workloadOf([]), open }, 2)
  expect(result).toMatchObject({ pairs: [], failures: ['pair 1: no redis', 'pair 2: no redis'] })
})

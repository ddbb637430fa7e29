import { afterAll, beforeAll, expect, test } from 'vitest'
import { seed } from '../../../core/test/support/random.js'
import { nameOf } from './cells.js'
import { Keeper } from './keeper.js'
import { runCell } from './run-cell.js'
import { runsOf, type Suite } from './runs.js'
import { tlsKeys } from './upstream-rig.js'

/**
 * The runs of one suite. One after another, for descriptors, handles and warnings are the whole process's, and a run is to be blamed for
 * its own; the suites are files, which run beside one another in processes of their own.
 */
export function gridTest(suite: Suite): void {
  const runs = runsOf(suite)
  let keeper: Keeper
  beforeAll(() => {
    if (runs.some(({ carrier }) => carrier === 'tls')) tlsKeys()
    keeper = new Keeper()
  })
  afterAll(() => keeper.close())

  for (const run of runs) {
    test(`${nameOf(run)} (seed ${seed})`, async () => {
      expect(await runCell(run, keeper)).toEqual([])
    })
  }
}

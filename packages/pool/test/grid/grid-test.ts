import { afterAll, beforeAll, expect, test } from 'vitest'
import { seed } from '../../../core/test/support/random.js'
import { type Carrier, nameOf, runsOf } from './cells.js'
import { Keeper } from './keeper.js'
import { runCell } from './run-cell.js'
import { tlsKeys } from './upstream-rig.js'

/**
 * The runs of one carrier. One after another, for descriptors, handles and warnings are the whole process's, and a run is to be blamed for
 * its own; the three carriers are files, which run beside one another in processes of their own.
 */
export function gridTest(carrier: Carrier): void {
  let keeper: Keeper
  beforeAll(() => {
    if (carrier === 'tls') tlsKeys()
    keeper = new Keeper()
  })
  afterAll(() => keeper.close())

  for (const run of runsOf(carrier)) {
    test(`${nameOf(run)} (seed ${seed})`, async () => {
      expect(await runCell(run, keeper)).toEqual([])
    })
  }
}

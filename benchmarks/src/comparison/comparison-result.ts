import type { Machine } from '../machine.js'
import type { Checkout } from './checkout.js'
import type { ComparedCase } from './compare-relays.js'
import type { JudgedMetric } from './judge-metric.js'

/** All that one comparison found out; `--json` prints it as it is. */
export interface ComparisonResult {
  readonly format: 1
  readonly date: string
  readonly machine: Machine
  readonly old: Checkout
  readonly new: Checkout
  /** That both relays ran with. */
  readonly flags: readonly string[]
  readonly pairs: number
  readonly seconds: number
  readonly minutes: number
  readonly cases: readonly JudgedCase[]
}

/** A case, what it gave in each pair and what that means. */
export interface JudgedCase extends ComparedCase {
  readonly judged: readonly JudgedMetric[]
}

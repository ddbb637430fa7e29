import type { ReuseRule } from '@relay/core'
import {
  checkLeases,
  checkPipelines,
  checkRefusedResets,
  checkReset,
  checkSplits,
} from './check-exchanges.js'
import { checkFloods, checkForged, checkSurplus } from './check-forgeries.js'
import { checkGoodbye } from './check-goodbye.js'
import { type Bytes, bytesOf, type Exchange, type Forgery, samplesOf } from './exchange.js'

export type { Bytes, Exchange, Forgery } from './exchange.js'

export interface RuleCheck {
  /** At least one that leaves the connection idle. One request each: pipelines are made of them. */
  readonly exchanges: readonly Exchange[]
  /**
   * Broken requests and forged answers of your protocol, that must never end in `idle` or `dirty`.
   * @default []
   */
  readonly forged?: readonly Forgery[] | undefined
  /** The goodbye that the rule knows, and what the relay answers to it. Without it none is looked for. */
  readonly goodbye?: { readonly request: Bytes; readonly answer: Bytes } | undefined
  /** What the server answers to the rule's `reset`. Without it the reset is not checked. */
  readonly resetReply?: Bytes | undefined
  /**
   * Other answers to the rule's `reset`, that must never end in `idle`: refusals, of each of its parts alone too.
   * @default []
   */
  readonly refusedResets?: readonly Bytes[] | undefined
  /**
   * How many leases one connection serves in a row.
   * @default 1_000
   */
  readonly leases?: number | undefined
  /**
   * Bytes of garbage in each flood.
   * @default 65_536
   */
  readonly floodBytes?: number | undefined
  /**
   * Of the garbage and of the cuts; a failure names it.
   * @default one of the clock
   */
  readonly seed?: number | undefined
}

/** What the checks have seen. */
export interface RuleReport {
  readonly seed: number
  /** The most CPU time that one flood has cost, in one chunk and in chunks of one byte. It is for you to judge. */
  readonly flood: { readonly wholeMs: number; readonly byteWiseMs: number }
}

/**
 * Runs a reuse rule against what a network and a hostile server can do to it:
 *
 * - each exchange cut at every byte of both directions, and byte by byte: `partial` while the request is half sent, `busy` until the
 *   last byte of the reply, then what the exchange `leaves`; `down` is true throughout; all in one pipeline, too
 * - replies before any request, to half a request, doubled, a byte too long: never kept, and `down` is false for what answers nothing
 * - the `goodbye`, where it is one and where it is none
 * - what is `forged`, and what leaves `tainted`: never kept again
 * - the answer to the rule's reset, cut at every byte: not clean before the last one; and what refuses the reset: never clean
 * - garbage in each direction
 * - many leases on one connection
 *
 * Needs no test framework. It does not check that an answer carries what was asked for, nor how much memory is used.
 *
 * **Fails** with an `Error` that says what was expected, and shows the last pieces that were fed, in hex: the cuts are between them.
 */
export function checkRule(rule: ReuseRule, check: RuleCheck): RuleReport {
  const samples = samplesOf(check.exchanges)
  if (!samples.some(({ leaves }) => leaves === 'idle')) {
    throw new TypeError('checkRule: expected "exchanges" to have one that leaves the connection idle')
  }
  const { seed = Date.now() % 2 ** 31, leases = 1_000, floodBytes = 65_536 } = check
  checkSplits(rule, samples)
  checkPipelines(rule, samples)
  checkSurplus(rule, samples)
  checkForged(rule, samples, check.forged ?? [])
  const { goodbye } = check
  if (goodbye !== undefined) checkGoodbye(rule, samples, bytesOf(goodbye.request), bytesOf(goodbye.answer))
  if (check.resetReply !== undefined) checkReset(rule, samples, bytesOf(check.resetReply))
  const refusals = (check.refusedResets ?? []).map(bytesOf)
  if (refusals.length > 0) checkRefusedResets(rule, samples, refusals)
  checkLeases(rule, samples, leases, seed)
  return { seed, flood: checkFloods(rule, samples, floodBytes, seed) }
}

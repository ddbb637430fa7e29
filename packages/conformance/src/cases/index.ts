import type { Case } from '../case.js'
import type { Deadlines } from '../deadlines.js'
import { crowdCases } from './crowd.js'
import { deadlineCases } from './deadline.js'
import { dialCases } from './dial.js'
import { flowCases } from './flow.js'
import { halfCloseCases } from './half-close.js'
import { resetCases } from './reset.js'

/** Every claim that any relay can be held to. */
export const allCases: readonly Case[] = [
  ...halfCloseCases,
  ...resetCases,
  ...flowCases,
  ...crowdCases,
  ...dialCases,
]

/** A relay with deadlines this short would cut the others' pauses: it is held to its deadlines alone. */
export function casesFor(deadlines: Deadlines): readonly Case[] {
  const own = deadlineCases(deadlines)
  return own.length > 0 ? own : allCases
}

import type { Case } from '../case.js'
import type { Setting } from '../setting.js'
import { closeCases } from './close.js'
import { crowdCases } from './crowd.js'
import { deadlineCases } from './deadline.js'
import { dialCases } from './dial.js'
import { endBothCases } from './end-both.js'
import { flowCases } from './flow.js'
import { halfCloseCases } from './half-close.js'
import { resetCases } from './reset.js'
import { stopCases } from './stop.js'

/** A claim that cannot be told on these transports. */
export interface LeftOut {
  readonly id: string
  readonly claim: string
  readonly why: string
}

/** The claims that a relay can be held to in this setting, and those that its transports hide. */
export function casesFor(setting: Setting): {
  readonly cases: readonly Case[]
  readonly leftOut: readonly LeftOut[]
} {
  const own = deadlineCases(setting.deadlines)
  // A relay with deadlines this short would cut the others' pauses: it is held to its deadlines alone.
  const all = own.length > 0 ? own : allCases(setting)
  const cases = all.filter((one) => hidden(one, setting) === undefined)
  const leftOut = all.flatMap((one) => {
    const why = hidden(one, setting)
    return why === undefined ? [] : [{ id: one.id, claim: one.claim, why }]
  })
  return { cases, leftOut }
}

function allCases({ halfClose, sessions, pid }: Setting): readonly Case[] {
  return [
    ...halfCloseCases,
    ...endBothCases,
    ...closeCases,
    ...resetCases,
    ...flowCases,
    ...crowdCases(sessions),
    ...dialCases,
    ...stopCases,
  ].filter(
    (one) =>
      (one.halfClose === undefined || one.halfClose === halfClose) &&
      (one.stopsRelay !== true || pid !== undefined),
  )
}

function hidden({ beyond = [] }: Case, setting: Setting): string | undefined {
  const limit = beyond.find(
    ({ side, transport, halfClose = setting.halfClose }) =>
      setting.transports[side] === transport && setting.halfClose === halfClose,
  )
  return limit?.why
}

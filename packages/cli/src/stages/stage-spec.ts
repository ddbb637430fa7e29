import { inspect } from 'node:util'
import type { Stage } from '@relay/core'
import type { Surroundings } from './built-in.js'
import { builtIns } from './built-ins.js'
import { parseModuleSpec } from './module-spec.js'
import { parseStageArguments } from './stage-arguments.js'

/** Makes the stage that a spec asks for. **Fails** with an error that names the stage and says why. */
export type StageMaker = (surroundings: Surroundings) => Promise<Stage>

/**
 * What a spec asks for: `throttle:1MiB/s`, `./upper.mjs:arg`. Nothing is loaded yet.
 *
 * **Fails** with an error that names the stage, the argument and its value, and says what is accepted.
 */
export function parseStage(spec: string): StageMaker {
  const colon = spec.indexOf(':')
  const name = colon < 0 ? spec : spec.slice(0, colon)
  const stage = builtIns.find((known) => known.name === name)
  if (stage !== undefined) {
    const values = parseStageArguments(stage, colon < 0 ? undefined : spec.slice(colon + 1))
    return async (surroundings) => stage.make(await import('@relay/core/stages'), values, surroundings)
  }
  const module = parseModuleSpec(spec)
  if (module !== undefined) {
    return async () => (await import('./stage-module.js')).loadStageModule(module)
  }
  const names = builtIns.map((known) => known.name).join(', ')
  throw new TypeError(
    `expected a stage (${names}) or the path of a module with a / in it (./upper.mjs), got ${inspect(spec)}`,
  )
}

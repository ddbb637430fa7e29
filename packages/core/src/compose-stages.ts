import { contain } from './contain.js'
import { openStage, openSteps } from './open-stage.js'
import { checkValue } from './options.js'
import { type OpenStage, type Stage, stagesCheck } from './stage.js'

/**
 * Several stages as one, in the order in which they would stand: `up` bytes meet the first one first, `down` bytes the last.
 * Its name is theirs, joined by `+`.
 */
export function composeStages(...stages: readonly Stage[]): Stage {
  checkValue('composeStages', 'stages', stages, stagesCheck)
  return {
    name: stages.map(({ name }) => name).join('+') || 'nothing',
    open(session) {
      const opened: OpenStage[] = []
      const close = (): void => {
        for (const stage of opened) contain(() => stage.close?.())
      }
      try {
        const parts = stages.map((stage) => {
          const part = openStage(stage, session)
          if (part !== stage) opened.push(part)
          return part
        })
        return {
          up: (context) => parts.flatMap((part) => openSteps(part, context)),
          down: (context) => [...parts].reverse().flatMap((part) => openSteps(part, context)),
          close,
        }
      } catch (error) {
        close()
        throw error
      }
    },
  }
}

import { contain } from './contain.js'
import { type OpenedStage, openStage, openSteps } from './open-stage.js'
import { checkValue } from './options.js'
import type { SessionInfo } from './session-info.js'
import { type OpenStage, type Stage, type StageContext, type Step, stagesCheck } from './stage.js'
import { destroyUnused } from './unused-stage.js'

/** Stages as one. */
export interface ComposedStage extends Stage {
  open(session: SessionInfo): Required<OpenStage>
}

/**
 * Several stages as one, in the order in which they would stand: `up` bytes meet the first one first, `down` bytes the last.
 * Its name is theirs, joined by `+`.
 */
export function composeStages(...stages: readonly Stage[]): ComposedStage {
  checkValue('composeStages', 'stages', stages, stagesCheck)
  return {
    name: stages.map(({ name }) => name).join('+') || 'nothing',
    open(session) {
      const parts: OpenedStage[] = []
      const close = (): void => {
        for (const part of parts) contain(part.close)
      }
      try {
        for (const stage of stages) parts.push(openStage(stage, session))
      } catch (error) {
        close()
        throw error
      }
      return {
        up: (context) => stepsOf(parts, context),
        down: (context) => stepsOf([...parts].reverse(), context),
        close,
      }
    },
  }
}

function stepsOf(parts: readonly OpenedStage[], context: StageContext): readonly Step[] {
  const steps: Step[] = []
  try {
    for (const part of parts) steps.push(...openSteps(part, context))
    return steps
  } catch (error) {
    destroyUnused(steps)
    throw error
  }
}

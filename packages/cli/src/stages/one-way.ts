import { composeStages, type Direction, type Stage } from '@relay/core'

/** The stage in one direction; the other lets every byte through. **Fails** if it does nothing that way. */
export function oneWay(stage: Stage, direction: Direction): Stage {
  const { name } = stage
  if (stage.open === undefined && stage[direction] === undefined) {
    throw new TypeError(`expected a stage with "${direction}" or "open", and stage "${name}" has neither`)
  }
  // It is opened as any stage is: what it must not return is refused, and not taken for a direction without steps.
  const whole = composeStages(stage)
  return {
    name,
    open(session) {
      const { [direction]: steps, close } = whole.open(session)
      return { [direction]: steps, close }
    },
  }
}

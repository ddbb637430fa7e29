import type { Direction, Stage, StageContext, Steps } from '@relay/core'

/** The stage in one direction; the other lets every byte through. **Fails** if it does nothing that way. */
export function oneWay(stage: Stage, direction: Direction): Stage {
  const { name } = stage
  if (stage.open !== undefined) {
    return {
      name,
      open(session) {
        const opened = stage.open?.(session)
        return {
          [direction]: (context: StageContext): Steps => opened?.[direction]?.(context),
          close: () => opened?.close?.(),
        }
      },
    }
  }
  if (stage[direction] !== undefined) {
    return { name, [direction]: (context: StageContext): Steps => stage[direction]?.(context) }
  }
  throw new TypeError(`expected a stage with "${direction}" or "open", and stage "${name}" has neither`)
}

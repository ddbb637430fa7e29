import { checkValue } from './options.js'
import { type Stage, stagesCheck } from './stage.js'

/** A list of stages that can be replaced as a whole, while sessions run. */
export class StageList {
  #current: readonly Stage[]

  constructor(stages: readonly Stage[]) {
    this.#current = [...stages]
  }

  /** What the next session gets. */
  get current(): readonly Stage[] {
    return this.#current
  }

  /** From now on new sessions get these; live ones keep theirs. **Fails** with a `TypeError` that names what is no stage. */
  replace(stages: readonly Stage[]): void {
    checkValue('stages.replace', 'stages', stages, stagesCheck)
    this.#current = [...stages]
  }
}

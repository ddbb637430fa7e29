import { wasContained } from '../contain.js'

/** Sees what a stage throws or rejects with when its session is over: in `close`, an `abort`, the `destroy` of a stream. */
export class EndingWatch {
  #failure: Error | undefined

  constructor() {
    process.on('warning', this.#note)
  }

  /** The first. */
  get failure(): Error | undefined {
    return this.#failure
  }

  stop(): void {
    process.off('warning', this.#note)
  }

  readonly #note = (warning: Error): void => {
    if (wasContained(warning)) this.#failure ??= warning
  }
}

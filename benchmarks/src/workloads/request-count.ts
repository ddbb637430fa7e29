/** How many requests fill the time of a measurement: known from the last time, for redis-benchmark counts and takes no time. */
export class RequestCount {
  readonly #seconds: number
  readonly #perSecond = new Map<string, number>()

  constructor(seconds: number) {
    this.#seconds = seconds
  }

  /** For what was never measured, `first` to find out. */
  async next(key: string, first: () => Promise<number>): Promise<number> {
    const perSecond = this.#perSecond.get(key) ?? (await first())
    this.learn(key, perSecond)
    return Math.max(1_000, Math.round(perSecond * this.#seconds))
  }

  learn(key: string, perSecond: number): void {
    this.#perSecond.set(key, perSecond)
  }
}

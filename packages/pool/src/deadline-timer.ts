/** One unref'd timer for many deadlines: it knows the next one only, and who is asked to look then says which comes after. */
export class DeadlineTimer {
  readonly #now: () => number
  readonly #onDue: () => void
  #at = Number.POSITIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(now: () => number, onDue: () => void) {
    this.#now = now
    this.#onDue = onDue
  }

  /** Costs one comparison when something is due earlier; a deadline that no longer holds is left to fire in vain. */
  arm(deadline: number): void {
    if (deadline >= this.#at) return
    clearTimeout(this.#timer)
    this.#at = deadline
    this.#timer = setTimeout(
      () => {
        this.#at = Number.POSITIVE_INFINITY
        this.#onDue()
      },
      Math.max(1, Math.ceil(deadline - this.#now())),
    )
    this.#timer.unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#at = Number.NEGATIVE_INFINITY
  }
}

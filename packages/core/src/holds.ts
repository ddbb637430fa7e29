/** Those who hold something, as a count, and a wait for all of them to let go. */
export class Holds {
  #count = 0
  #onFree: (() => void) | undefined

  /** Whether anybody holds it. */
  get held(): boolean {
    return this.#count > 0
  }

  /** One more. Call what it returns to let go; more than once does no harm. */
  take(): () => void {
    let held = true
    this.#count++
    return () => {
      if (!held) return
      held = false
      if (--this.#count === 0) this.#onFree?.()
    }
  }

  /** Waits until nobody holds it, at most `timeoutMs`. There is one who waits, and no more. */
  async free(timeoutMs: number): Promise<void> {
    if (!this.held) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#onFree = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** The promise, or a failure that says what was waited for. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, state: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: ${state()} after ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves as soon as something is so; whoever changes anything says `changed`. */
export class Condition {
  #waiting: { readonly isSo: () => boolean; resolve(): void }[] = []

  readonly changed = (): void => {
    this.#waiting = this.#waiting.filter(({ isSo, resolve }) => !isSo() || resolve())
  }

  async met(isSo: () => boolean): Promise<void> {
    if (!isSo()) await new Promise<void>((resolve) => this.#waiting.push({ isSo, resolve }))
  }
}

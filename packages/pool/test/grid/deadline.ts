import { setImmediate as turn } from 'node:timers/promises'

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

/** Resolves when something is so that nobody tells of: looks in each turn of the loop, for so long at most. */
export async function seen(isSo: () => boolean, timeoutMs: number, state: () => string): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`hangs: ${state()} after ${timeoutMs} ms`)
    await turn()
  }
}

/** Resolves when a number stays as it is for that many turns of the loop. */
export async function still(number: () => number, turns: number): Promise<void> {
  let last = Number.NaN
  for (let same = 0; same < turns; ) {
    await turn()
    const now = number()
    same = now === last ? same + 1 : 0
    last = now
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

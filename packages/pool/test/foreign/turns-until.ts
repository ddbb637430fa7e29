import { setImmediate as turn } from 'node:timers/promises'

const AT_LEAST = 12
const AT_MOST_MS = 1_000

/** Lets the event loop turn until something is so: some turns in any case, and for a second at most. */
export async function turnsUntil(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + AT_MOST_MS
  for (let turns = 0; turns < AT_LEAST || (!condition() && performance.now() < deadline); turns++)
    await turn()
}

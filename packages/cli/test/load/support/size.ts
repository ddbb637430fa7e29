import { appendFileSync } from 'node:fs'

const full = process.env.RELAY_LOAD === 'full'

/** How much of something: a part of it where every change is tested, all of it under `npm run test:load`. */
export function sized(part: number, whole: number): number {
  return full ? whole : part
}

/** Time for a test that may take minutes at its full size. */
export const LOAD_TIMEOUT_MS: number = sized(60_000, 900_000)

/** Prints what was measured; `npm run test:load` sums it up at its end. */
export function figures(claim: string, measured: string): void {
  const line = `${claim}: ${measured}`
  console.log(line)
  if (process.env.RELAY_LOAD_FIGURES) appendFileSync(process.env.RELAY_LOAD_FIGURES, `${line}\n`)
}

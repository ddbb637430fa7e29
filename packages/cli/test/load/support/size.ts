import { appendFileSync } from 'node:fs'
import { vi } from 'vitest'

const full = process.env.RELAY_LOAD === 'full'

/** How much of something: a part of it where every change is tested, all of it under `npm run test:load`. */
export function sized(part: number, whole: number): number {
  return full ? whole : part
}

// Whoever asks for sizes may take minutes at the full one.
vi.setConfig({ testTimeout: sized(60_000, 900_000) })

/** Prints what was measured; `npm run test:load` sums it up at its end. */
export function figures(claim: string, measured: string): void {
  const line = `${claim}: ${measured}`
  console.log(line)
  if (process.env.RELAY_LOAD_FIGURES) appendFileSync(process.env.RELAY_LOAD_FIGURES, `${line}\n`)
}

import { readdirSync } from 'node:fs'
import { afterAll, beforeEach, describe } from 'vitest'
import { THROUGH } from '../support/through.js'

// All that is claimed of leases holds with stages that let everything pass, too: the other files of this folder, again.
const files = readdirSync(import.meta.dirname).filter(
  (file) => file.endsWith('.test.ts') && !import.meta.filename.endsWith(file),
)

afterAll(() => {
  delete process.env.RELAY_STAGES
})

for (const kind of Object.keys(THROUGH).filter((name) => name !== 'no stage')) {
  describe(`through ${kind}`, async () => {
    beforeEach(() => {
      process.env.RELAY_STAGES = kind
    })
    for (const file of files) await import(/* @vite-ignore */ `./${file}?${kind}`)
  })
}

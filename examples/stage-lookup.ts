// A stage that asks somebody else: each line is an id, and goes on with the name that belongs to it.
import { setTimeout as sleep } from 'node:timers/promises'
import { defineStage } from '@relay/core'
import { runStage } from '@relay/core/testing'
import { wholeLines } from './whole-lines.js'

const NAMES: Readonly<Record<string, string>> = { 1: 'ampere', 2: 'volt', 3: 'ohm' }

// In place of a database: slow, and slower for the first than for the last.
async function nameOf(id: string, signal: AbortSignal): Promise<string> {
  await sleep(40 - 10 * Number(id), undefined, { signal })
  return NAMES[id] ?? 'nobody'
}

// #region lookup
const named = defineStage({
  name: 'named',
  up: ({ signal }) => [
    wholeLines(),
    async (line) => {
      const id = line.toString().trim()
      const soon = AbortSignal.any([signal, AbortSignal.timeout(1_000)])
      return `${id} ${await nameOf(id, soon)}\n`
    },
  ],
})
// #endregion

const { up, result } = await runStage(named, { up: ['1\n2', '\n3\n'] })
console.log(`${up}${result.reason}`)

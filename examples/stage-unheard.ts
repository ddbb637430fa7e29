// A stage that begins work which nobody waits for: what fails there has to be heard by the stage itself.
import { defineStage } from '@relay/core'
import { runStage } from '@relay/core/testing'

// In place of a collector, which is down.
async function audit(chunk: Buffer): Promise<void> {
  await Promise.resolve()
  throw new Error(`no collector for ${chunk.length} bytes`)
}

// #region unheard
const audited = defineStage({
  name: 'audited',
  up: () => (chunk) => {
    audit(chunk).catch((error: Error) => console.log(`not audited: ${error.message}`))
    return chunk
  },
})
// #endregion

const { up, result } = await runStage(audited, { up: ['hello'] })
console.log(`${up}: ${result.reason}`)

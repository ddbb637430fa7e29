// Both directions of a session share what `open` declares: each question is told together with its answer.
import { defineStage } from '@relay/core'
import { runStage } from '@relay/core/testing'
import { wholeLines } from './whole-lines.js'

// #region pairs
const pairs = defineStage({
  name: 'pairs',
  open(session) {
    const asked: string[] = []
    return {
      up: () => [
        wholeLines(),
        (line) => {
          asked.push(line.toString().trim())
          return line
        },
      ],
      down: () => [
        wholeLines(),
        (line) => {
          console.log(`${asked.shift()} -> ${line.toString().trim()}`)
          return line
        },
      ],
      close: () => console.log(`session ${session.id}: ${asked.length} without an answer`),
    }
  },
})
// #endregion

await runStage(pairs, { up: ['6 * 7\n1 + ', '1\n', '1 / 0\n'], down: ['42\n', '2\n'] })

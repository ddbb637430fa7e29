// What a stage can do to its session: drop a line, put several in its place, end it in peace, end it by an error.
import { defineStage, many, none, stop } from '@relay/core'
import { runStage } from '@relay/core/testing'
import { wholeLines } from './whole-lines.js'

// #region endings
const script = defineStage({
  name: 'script',
  up: () => [
    wholeLines(),
    (line) => {
      const text = line.toString().trim()
      if (text.startsWith('#')) return none
      if (text === 'twice') return many(['once\n', 'once more\n'])
      if (text === 'quit') return stop
      if (text === 'crash') throw new Error('that is not allowed')
      return line
    },
  ],
})
// #endregion

for (const last of ['end\n', 'quit\nnever seen\n', 'crash\n']) {
  const { up, result } = await runStage(script, { up: ['hello\n# a comment\ntwice\n', last] })
  const by = result.stage ? ` by ${result.stage.name} (${result.stage.direction})` : ''
  console.log(
    `${JSON.stringify(up.toString())}: ${result.reason}${by}; ${result.error?.message ?? 'no error'}`,
  )
}

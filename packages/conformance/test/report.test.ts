import { expect, test } from 'vitest'
import { dimensionsTable } from '../src/peers/dimensions-table.js'
import { peersTable, withTable } from '../src/peers/peers-table.js'
import { textReport } from '../src/report.js'

const results = [
  { id: 'a', claim: 'short', pass: true, seen: 'all', ms: 1 },
  { id: 'b', claim: 'a longer one', pass: false, seen: 'nothing', ms: 2 },
]

test('aligns what was seen, and sums up', () => {
  const leftOut = [{ id: 'c', claim: 'hidden', why: 'it hides' }]
  expect(textReport(results, leftOut)).toBe(
    'pass  short         all\nFAIL  a longer one  nothing\n–     hidden        not told: it hides\n\n1 of 2 claims hold\n',
  )
})

test('puts the relays side by side into the document, missing ones as well', () => {
  const document =
    'before\n<!-- measured by npm run conformance -- --peers -->\nold\n<!-- end of what was measured -->\nafter\n'
  const written = withTable(
    document,
    'tcp',
    peersTable([
      { name: 'one', version: '1.0', results },
      { name: 'two', version: 'missing', results: [] },
    ]),
  )
  expect(written).toContain('| a longer one | **no** | – |\n')
  expect(written).toContain('| **1 of 2** | **missing** |\n')
  expect(written).toContain('**one**\n\n- a longer one: nothing\n')
  expect(written.startsWith('before\n') && written.endsWith('after\n')).toBe(true)
  expect(written).not.toContain('\nold\n')
})

test('shows each dimension in a row, and a failure once with all dimensions that had it', () => {
  const one = { name: 'one', version: '1.0', results }
  const none = { name: 'two', version: '1.0', results: [] }
  const table = dimensionsTable([
    { name: 'unix', columns: [one, none] },
    { name: 'TLS', columns: [one, none] },
  ])
  expect(table).toContain('| unix | 1 of 2 | – |\n| TLS | 1 of 2 | – |\n')
  expect(table).toContain('**one**\n\n- `b` (unix; TLS): nothing\n')
  expect(table).not.toContain('**two**')
})

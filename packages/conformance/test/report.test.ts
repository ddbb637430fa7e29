import { expect, test } from 'vitest'
import { peersTable, withTable } from '../src/peers/peers-table.js'
import { textReport } from '../src/report.js'

const results = [
  { id: 'a', claim: 'short', pass: true, seen: 'all', ms: 1 },
  { id: 'b', claim: 'a longer one', pass: false, seen: 'nothing', ms: 2 },
]

test('aligns what was seen, and sums up', () => {
  expect(textReport(results)).toBe(
    'pass  short         all\nFAIL  a longer one  nothing\n\n1 of 2 claims hold\n',
  )
})

test('puts the relays side by side into the document, missing ones as well', () => {
  const document =
    'before\n<!-- measured by npm run conformance -- --peers -->\nold\n<!-- end of what was measured -->\nafter\n'
  const written = withTable(
    document,
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

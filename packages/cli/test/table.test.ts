import { expect, test } from 'vitest'
import { table } from '../src/table.js'

test('aligns names to the left and numbers to the right', () => {
  const rows = [
    ['', 'sent', 'time', ''],
    ['a request', '18B', '2ms', 'checked'],
    ['16 MiB', '16MiB', '100ms', 'checked'],
  ]
  expect(table(rows)).toBe(
    [
      '              sent   time',
      '  a request    18B    2ms  checked',
      '  16 MiB     16MiB  100ms  checked',
      '',
    ].join('\n'),
  )
})

import { expect, test } from 'vitest'
import { parseModuleSpec } from '../../src/stages/module-spec.js'

test.each([
  ['./upper.mjs', './upper.mjs', undefined],
  ['upper.js', 'upper.js', undefined],
  ['../a/upper.ts:', '../a/upper.ts', ''],
  ['/a b/upper.cjs:one:two', '/a b/upper.cjs', 'one:two'],
  ['./upper.mjs:./other.mjs', './upper.mjs', './other.mjs'],
  ['./a.js/upper.mts:x', './a.js/upper.mts', 'x'],
  ['./10:30.mjs:x', './10:30.mjs', 'x'],
  ['file:///a/upper.mjs:x', 'file:///a/upper.mjs', 'x'],
  ['file:///a/upper:x', 'file:///a/upper', 'x'],
  ['./upper:x/y', './upper', 'x/y'],
  ['C:\\stages\\upper.mjs:x', 'C:\\stages\\upper.mjs', 'x'],
  ['./upper.mjs:line\nbreak', './upper.mjs', 'line\nbreak'],
])('%j is the module %j with argument %j', (spec, path, argument) => {
  expect(parseModuleSpec(spec)).toEqual({ path, argument })
})

test.each(['upper', 'throttel:1MiB/s', 'upper:./x', 'mjs', ''])('%j is no module', (spec) => {
  expect(parseModuleSpec(spec)).toBeUndefined()
})

// `npm run test:foreign`: whether each byte of each session comes where it belongs, and nowhere else, in every mode, and how fast.
//
//   npm run test:foreign -- --sessions 10000 --mode close,trust --seed 7 --only 'tcp to unix'
//
// 100,000 sessions of each mode, some minutes each. It fails for a foreign, corrupted, lost or surplus byte, and for a wrong ending.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runTests } from './run-tests.mjs'
import { root, setup } from './setup.mjs'

const text = { type: 'string' }
const { sessions, mode, seed, only } = parseArgs({
  options: { sessions: text, mode: text, seed: text, only: text },
}).values

function whole(name, value) {
  if (/^\d+$/.test(value)) return value
  throw new RangeError(`--${name}: expected a whole number, got ${value}`)
}

const table = resolve(root, 'node_modules/.relay-foreign-table')
rmSync(table, { force: true })
writeFileSync(table, '')
Object.assign(process.env, {
  RELAY_FOREIGN_TABLE: table,
  RELAY_FOREIGN_SESSIONS: whole('sessions', sessions ?? '100000'),
  RELAY_SEED: whole('seed', seed ?? String(Math.floor(Math.random() * 2 ** 31))),
  ...(mode !== undefined && { RELAY_FOREIGN_MODES: mode }),
  ...(only !== undefined && { RELAY_FOREIGN_ONLY: only }),
})

setup()
const { code } = runTests(process.execPath, [
  'packages/pool/test/foreign-soak',
  '--disable-console-intercept',
  '--reporter=dot',
  '--reporter=./scripts/summary-reporter.mjs',
])

const rows = readFileSync(table, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line))
const columns = {
  mode: (row) => row.mode,
  sessions: (row) => row.sessions,
  late: (row) => row.late,
  large: (row) => row.large,
  reused: (row) => row.reused,
  farewells: (row) => row.farewells,
  MiB: (row) => Math.round(row.bytes / 2 ** 20),
  foreign: (row) => row.foreign,
  corrupted: (row) => row.corrupted,
  lost: (row) => row.lost,
  extra: (row) => row.extra,
  'first after': (row) => row.firstWrongAt ?? '-',
  misended: (row) => row.misended,
  'a second': (row) => row.perSecond,
}
const cells = [
  Object.keys(columns),
  ...rows.map((row) => Object.values(columns).map((cell) => String(cell(row)))),
]
const widths = Object.keys(columns).map((_, column) => Math.max(...cells.map((row) => row[column].length)))
console.log()
for (const row of cells) console.log(row.map((cell, column) => cell.padStart(widths[column])).join('  '))
console.log(
  '\nlate: read nothing before the relay was stuck; corrupted: displaced or nobody’s, in bytes; misended: sessions',
)
console.log(`repeat: npm run test:foreign -- --seed ${process.env.RELAY_SEED}`)
process.exitCode = code

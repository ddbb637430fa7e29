import { expect, test } from 'vitest'
import { runSuite } from '../src/peers/hold-to-claims.js'

test('exits with 2 when it is called wrongly, in one line', async () => {
  const { code, stdout, stderr } = await runSuite(['8848'])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toBe('conformance: expected two addresses, <listen> and <upstream>, not 1; see --help\n')
})

test('exits with 1 when no relay is there, in one line', async () => {
  // Ports below 1024 that nobody serves.
  const { code, stdout, stderr } = await runSuite(['127.0.0.1:9', '127.0.0.1:10'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^conformance: no relay to connect to: .*ECONNREFUSED.*\n$/)
})

test('explains itself', async () => {
  const { code, stdout } = await runSuite(['--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('npm run conformance -- <listen> <upstream>')
})

import { expect, it } from 'vitest'
import { parseWrk } from '../src/workloads/wrk.js'

const OUTPUT = `Running 2s test @ http://127.0.0.1:8848/
  1 threads and 50 connections
  12345 requests in 2.00s, 1.76MB read
`

it('reads how many requests wrk made', () => {
  expect(parseWrk(`${OUTPUT}Requests/sec:   6172.50\n`)).toEqual({
    perSecond: 6172.5,
    done: 12345,
    failed: 0,
  })
})

it('counts every kind of failure', () => {
  const failures =
    '  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 50000\n'
  expect(parseWrk(`${OUTPUT}${failures}Requests/sec:   6172.50\n`).failed).toBe(54_321)
})

it('does not take an error message for a result', () => {
  expect(() => parseWrk('unable to connect to 127.0.0.1:1')).toThrow("wrk said 'unable to connect")
})

import { type Address, formatAddress } from '../processes/free-port.js'
import { runProgram } from '../processes/program.js'

export interface WrkResult {
  readonly perSecond: number
  readonly done: number
  readonly failed: number
}

/** A connection for every request, from so many clients at once. */
export async function wrk(address: Address, seconds: number, clients: string): Promise<WrkResult> {
  const url = `http://${formatAddress(address)}/`
  const args = ['-t', '1', '-c', clients, '-d', `${seconds}s`, '-H', 'Connection: close', url]
  return parseWrk(await runProgram('wrk', args))
}

/** Reads what wrk printed. **Fails** on anything else. */
export function parseWrk(output: string): WrkResult {
  const [, requests] = /(\d+) requests in/.exec(output) ?? []
  const [, perSecond] = /Requests\/sec:\s+([\d.]+)/.exec(output) ?? []
  if (requests === undefined || perSecond === undefined) throw new Error(`wrk said '${output.slice(0, 200)}'`)
  const [, ...errors] =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output) ?? []
  const [, wrong = 0] = /Non-2xx or 3xx responses: (\d+)/.exec(output) ?? []
  const failed = [...errors, wrong].reduce<number>((sum, count) => sum + Number(count), 0)
  return { perSecond: Number(perSecond), done: Number(requests), failed }
}

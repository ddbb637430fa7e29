import { type Address, freePort } from '../processes/free-port.js'
import { listening } from '../processes/listening.js'
import { Program, runProgram } from '../processes/program.js'

export const IPERF_PACKAGES = { iperf3: 'iperf3' }

export interface Transferred {
  readonly bytes: number
  readonly seconds: number
}

/** An iperf3 that waits for clients. */
export async function startIperf(): Promise<{ address: Address; stop: () => Promise<void> }> {
  const address = await freePort()
  const program = new Program('iperf3', ['-s', '-B', address.host, '-p', `${address.port}`])
  await listening(program, address)
  return { address, stop: () => program.stop() }
}

/** One stream as fast as it goes; `-R` among the flags has the server send, `--bidir` both. */
export async function iperf(
  { host, port }: Address,
  seconds: number,
  flags: readonly string[],
): Promise<Transferred> {
  const args = ['-c', host, '-p', `${port}`, '-t', `${seconds}`, '-J', ...flags]
  const { end } = JSON.parse(await runProgram('iperf3', args))
  const sums = [end.sum_received, end.sum_received_bidir_reverse].filter((sum) => sum !== undefined)
  return { bytes: sums.reduce((all, sum) => all + sum.bytes, 0), seconds: end.sum_received.seconds }
}

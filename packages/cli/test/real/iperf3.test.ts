import { expect, test } from 'vitest'
import { Child, run } from './support/child.js'
import { describeWith, program } from './support/programs.js'
import { startRelay } from './support/relay-process.js'
import { freePort } from './support/servers.js'

const SECONDS = 2
const MIB = 1024 * 1024

interface Report {
  readonly error?: string
  readonly start?: { readonly connected: readonly unknown[] }
  readonly end?: Readonly<Record<string, { readonly bytes: number }>>
}

const DIRECTIONS = [
  { title: 'up', flags: [], sums: ['sum_sent', 'sum_received'], streams: 1 },
  { title: 'down', flags: ['-R'], sums: ['sum_sent', 'sum_received'], streams: 1 },
  {
    title: 'both ways',
    flags: ['--bidir'],
    sums: ['sum_sent', 'sum_received', 'sum_sent_bidir_reverse', 'sum_received_bidir_reverse'],
    streams: 2,
  },
  { title: 'down in four streams', flags: ['-R', '-P', '4'], sums: ['sum_sent', 'sum_received'], streams: 4 },
]

describeWith(['iperf3'], 'iperf3 through relay forward', () => {
  for (const { title, flags, sums, streams } of DIRECTIONS) {
    test(`measures ${title}`, async () => {
      const server = await startIperf3()
      const relay = await startRelay(`127.0.0.1:${server.port}`)
      const client = await run(program('iperf3'), [
        ...['--client', '127.0.0.1', '--port', `${relay.port}`, '--time', `${SECONDS}`, '--json'],
        ...flags,
      ])
      const report = JSON.parse(client.stdout.toString()) as Report
      expect(report.error).toBeUndefined()
      expect(report.start?.connected).toHaveLength(streams)
      const rates = sums.map((sum) => report.end?.[sum]?.bytes ?? 0)
      for (const bytes of rates) expect(bytes).toBeGreaterThan(MIB)
      const figures = rates.map((bytes) => Math.round(bytes / SECONDS / MIB))
      console.log(`iperf3 ${title}: ${figures.join(', ')} MiB/s (${sums.join(', ')})`)
      // One more connection carries iperf3's control messages.
      expect(await relay.ended(streams + 1)).toHaveLength(streams + 1)
      expect((await server.child.exit).code).toBe(0)
      await relay.expectCleanEnd()
    })
  }
})

/** A server for one measurement: between two it would not listen for a moment. */
async function startIperf3(): Promise<{ port: number; child: Child }> {
  const port = await freePort()
  const args = ['--server', '--one-off', '--bind', '127.0.0.1', '--port', `${port}`, '--forceflush']
  const child = new Child(program('iperf3'), args)
  // Not by connecting: that would be the one client.
  await child.printed(({ stdout }) => stdout.includes('Server listening'))
  return { port, child }
}

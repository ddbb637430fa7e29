import { type Address, createRelayServer, dialer, formatAddress, type RelayServer } from '@relay/core'
import type { Command } from 'commander'
import { parseListen } from '../addresses.js'
import { option } from '../arguments.js'
import { cuttableServer } from '../cuttable-server.js'
import { measuredTable } from '../demo/measured-table.js'
import { statusLine } from '../demo/status-line.js'
import { runTrials } from '../demo/trials.js'
import { type EchoServer, startEcho } from '../echo-server.js'
import { listenFailure } from '../listen-failure.js'
import type { Shell } from '../shell.js'
import { formatSize } from '../size.js'
import type { Stop } from '../stop.js'
import { stopSignals } from '../stop-signals.js'

interface DemoOptions {
  listen: Address
  upstream: Address
}

// Enough for what is on its way; who presses Ctrl-C does not want to wait for an open `nc`.
const DRAIN_MS = 1_000

export function define(command: Command, shell: Shell): void {
  const upstream = 'where the echo upstream listens'
  command.addOption(option('--listen <address>', 'where the relay listens', parseListen, '127.0.0.1:8848'))
  command.addOption(option('--upstream <address>', upstream, parseListen, '127.0.0.1:8849'))
  command.action((options: DemoOptions) => demo(options, shell))
}

async function demo(options: DemoOptions, shell: Shell): Promise<void> {
  const stop = stopSignals(shell)
  const echo = await stop.unlessAsked(startEcho(options.upstream)).catch((error: unknown) => {
    throw listenFailure(options.upstream, error, '; choose another with --upstream (0 picks a free port)')
  })
  if (echo === undefined) return // stopped while a name was looked up
  try {
    await relayTo(echo, options.listen, stop, shell)
  } finally {
    await echo.close()
  }
}

async function relayTo(echo: EchoServer, listen: Address, stop: Stop, shell: Shell): Promise<void> {
  const connector = dialer(echo.address)
  const server = createRelayServer({ upstream: connector })
  stop.cover(cuttableServer(server))
  const address = await stop.unlessAsked(server.listen(listen)).catch((error: unknown) => {
    throw listenFailure(listen, error, '; choose another with --listen (0 picks a free port)')
  })
  if (address === undefined) return
  try {
    const [near, far] = [formatAddress(address), formatAddress(echo.address)]
    shell.stdout.write(`\n  client → relay ${near} → echo ${far}\n\n`)
    const tried = await stop.unlessAsked(runTrials(address))
    if (tried === undefined) return // stopped before
    shell.stdout.write(`${measuredTable(tried)}\n${nextSteps(address, shell.program)}\n`)
    const status = statusLine(shell.stdout, () => statusOf(server))
    await stop.asked
    await server.close({ graceMs: DRAIN_MS })
    status.stop()
  } finally {
    await server.close({ graceMs: 0 })
    await connector.close()
  }
  shell.stdout.write('stopped\n')
}

function nextSteps(address: Address, program: string): string {
  const nc = 'path' in address ? `nc -U ${address.path}` : `nc ${address.host} ${address.port}`
  return [
    'Try next, while this runs (Ctrl-C stops it):',
    `  ${nc}`,
    '      type a line, and it comes back through the relay',
    `  redis-server --port 6379 & ${program} forward 6380 6379`,
    '      a relay of your own; then `redis-cli -p 6380 ping`',
    `  ${program} --help`,
    '',
  ].join('\n')
}

function statusOf(server: RelayServer): string {
  const { active, accepted, up, down } = server.stats()
  return `  live ${active}   sessions ${accepted}   up ${formatSize(up.bytes)}   down ${formatSize(down.bytes)}`
}

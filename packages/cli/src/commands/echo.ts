import { type Address, formatAddress } from '@relay/core'
import type { Command } from 'commander'
import { parseListen } from '../addresses.js'
import { argument } from '../arguments.js'
import { startEcho } from '../echo-server.js'
import { listenFailure } from '../listen-failure.js'
import { createLog } from '../log.js'
import type { Shell } from '../shell.js'
import { stopSignals } from '../stop-signals.js'

export function define(command: Command, shell: Shell): void {
  command
    .addArgument(argument('listen', 'where to: 8848, host:8848, [::1]:8848, unix:/path', parseListen))
    .option('--json', 'log JSON lines also on a terminal')
    .action((listen: Address, options: { json?: true }) => echo(listen, options, shell))
}

async function echo(listen: Address, options: { json?: true }, shell: Shell): Promise<void> {
  const stop = stopSignals(shell)
  const log = createLog(shell.stderr, { json: options.json, env: shell.env })
  const server = await stop.unlessAsked(startEcho(listen)).catch((error: unknown) => {
    throw listenFailure(listen, error)
  })
  if (server === undefined) return // stopped while a name was looked up
  stop.cover({ cut: () => server.close(), cutNow: () => void server.close() })
  log('info', 'listening', { listen: formatAddress(server.address) })

  const signal = await stop.asked
  await server.close()
  const { accepted, bytes } = server.stats()
  log('info', 'stopped', { signal, accepted, bytes })
}

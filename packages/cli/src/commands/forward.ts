import { type Address, createRelayServer, formatAddress, type RelayServer } from '@relay/core'
import type { Command } from 'commander'
import { openAccessLog, parseAccessLog } from '../access-log.js'
import { formatUpstream, parseListen, parseUpstream, type Upstream } from '../addresses.js'
import {
  argument,
  oneOf,
  option,
  parseCount,
  parseFileMode,
  parsePositive,
  parsePrewarm,
  parseWorkers,
} from '../arguments.js'
import { hasColour } from '../colour.js'
import { cuttableServer } from '../cuttable-server.js'
import { parseDuration } from '../duration.js'
import { Failure } from '../failure.js'
import type { Signal } from '../io.js'
import { listenFailure } from '../listen-failure.js'
import { createLog, type Fields } from '../log.js'
import { LogFiles } from '../log-files.js'
import { isSelfUpstream } from '../self-upstream.js'
import { logSession } from '../session-line.js'
import type { Shell } from '../shell.js'
import { StageFlags } from '../stages/stage-flags.js'
import { tapWriter } from '../stages/tap-writer.js'
import { stopSignals } from '../stop-signals.js'
import { handleStrayErrors, type StrayErrorMode, strayErrorModes } from '../stray-errors.js'
import { type PoolFlags, reuseNames, upstreamConnector } from '../upstream-connector.js'

interface ForwardOptions extends PoolFlags {
  halfClose: 'forward' | 'close'
  linger: number
  idleTimeout: number
  maxDuration: number
  connectTimeout: number
  maxConnections?: number
  unixMode?: number
  workers: number
  drain: number
  accessLog?: string
  onStrayError: StrayErrorMode
  json?: true
}

export function define(command: Command, shell: Shell): void {
  const flag = (...parts: Parameters<typeof option>): Command => command.addOption(option(...parts))
  const where = 'where clients connect: 8848, host:8848, [::1]:8848, unix:/path'
  command.addArgument(argument('listen', where, parseListen))
  command.addArgument(argument('upstream', 'where to: the same, or tls://host:port', parseUpstream))
  flag('--half-close <forward|close>', 'what the end of one side does', oneOf('forward', 'close'), 'forward')
  flag('--linger <duration>', 'longest silence after one side has ended, 0: no limit', parseDuration, '60s')
  flag('--idle-timeout <duration>', 'longest silence of both sides, 0: no limit', parseDuration, '1h')
  flag('--max-duration <duration>', 'longest session, 0: no limit', parseDuration, '0')
  flag('--connect-timeout <duration>', 'for DNS, TCP and TLS together, 0: no limit', parseDuration, '5s')
  flag('--prewarm <n|auto>', 'connections open ahead of clients', parsePrewarm, '0')
  flag(
    `--reuse <${reuseNames.join('|')}>`,
    'when a connection may serve another',
    oneOf(...reuseNames),
    'never',
  )
  flag('--pool-max <n>', 'pooled connections in all (default: what descriptors allow)', parsePositive)
  flag('--pool-idle <n>', 'pooled connections kept while nobody uses them', parseCount, '100')
  flag('--pool-max-age <duration>', 'how old a pooled connection gets, 0: any age', parseDuration, '60s')
  flag(
    '--pool-stats <duration>',
    'how often a busy pool says how it does, 0: at the end',
    parseDuration,
    '60s',
  )
  const stages = new StageFlags(command)
  flag('--max-connections <n>', 'sessions at once, 0: no limit (default: what descriptors allow)', parseCount)
  flag('--unix-mode <mode>', 'who may connect to a unix socket, as for chmod: 660', parseFileMode)
  flag('--workers <n|auto>', 'processes that share the work; auto: one for each processor', parseWorkers, '1')
  flag('--drain <duration>', 'how long a stop lets running sessions go on', parseDuration, '25s')
  flag('--access-log <file>', 'write the session lines here instead; -: stdout, off: nowhere', parseAccessLog)
  flag(
    `--on-stray-error <${strayErrorModes.join('|')}>`,
    'what an error that nobody caught ends: its session, or all',
    oneOf(...strayErrorModes),
    'contain',
  )
  command.option('--json', 'log JSON lines also on a terminal')
  command.action(async (listen: Address, upstream: Upstream, options: ForwardOptions) => {
    const stop = stopSignals(shell)
    // Said once, before any of several starts.
    if (shell.worker === undefined) await stop.unlessAsked(refuseItself(listen, upstream))
    // One process alone does not wait for the modules of several.
    if (options.workers === 1) return forward(listen, upstream, options, stages, shell)
    const { checkShares, shareOf } = await import('../workers/limit-shares.js')
    if (shell.worker !== undefined)
      return forward(listen, upstream, shareOf(options, shell.worker), stages, shell)
    checkShares(options, options.workers)
    const { supervise } = await import('../workers/supervise.js')
    return supervise(options.workers, options.json, shell)
  })
}

async function forward(
  listen: Address,
  upstream: Upstream,
  options: ForwardOptions,
  stageFlags: StageFlags,
  shell: Shell,
): Promise<void> {
  const { accessLog, json } = options
  const { stop, worker } = shell
  const logOptions = { json, env: shell.env, fields: worker && { worker: worker.index } }
  const log = createLog(shell.stderr, logOptions)
  handleStrayErrors(shell, log, options.onStrayError)
  // Said once, however many workers there are.
  const announce = async (message: 'listening' | 'stopped', fields: Fields): Promise<void> =>
    worker === undefined ? log('info', message, fields) : worker.report({ message, fields })
  const listed = accessLog !== 'off'
  const apart = listed && accessLog !== undefined
  const files = new LogFiles(log)
  shell.onReopen?.(() => files.reopen())
  stop.cover(files)
  const sessionSink = apart ? await stop.unlessAsked(openAccessLog(accessLog, shell, files)) : shell.stderr
  if (sessionSink === undefined) return // stopped while a disk did not answer
  const sessionLog = apart ? createLog(sessionSink, logOptions) : log
  const taps = tapWriter(shell.stderr, log, hasColour(shell.stderr, shell.env))
  const stages = await stop.unlessAsked(stageFlags.make({ ...taps, files }))
  if (stages === undefined) return // stopped while a module was loading
  const { connector, maxSessions, logStats } = await upstreamConnector(
    upstream,
    options.connectTimeout,
    options,
    log,
  )
  const { maxConnections = maxSessions } = options
  // Said once, of several workers.
  if (maxSessions > 0 && maxConnections > maxSessions && (worker?.index ?? 1) === 1) {
    log('warn', 'more connections than descriptors allow', { maxConnections, descriptorsAllow: maxSessions })
  }
  const server = createRelayServer({
    upstream: connector,
    stages,
    halfClose: options.halfClose,
    lingerMs: options.linger,
    idleTimeoutMs: options.idleTimeout,
    maxDurationMs: options.maxDuration,
    maxConnections,
    unixMode: options.unixMode,
    onClose: listed ? (session, result) => logSession(sessionLog, session, result) : undefined,
  })

  stop.cover(cuttableServer(server))

  const address = await stop.unlessAsked(server.listen(listen)).catch((error: unknown) => {
    throw listenFailure(listen, error)
  })
  if (address === undefined) return // stopped while a name was looked up
  await refuseItself(address, upstream)
  await announce('listening', { listen: formatAddress(address), upstream: formatUpstream(upstream) })

  const signal = await stop.asked
  const { active } = server.stats()
  const closed = server.close({ graceMs: options.drain })
  if (active > 0) log('info', 'draining', { signal, active, drainMs: options.drain })
  await closed
  await connector.close()
  stageFlags.close()
  // Many sessions that end together are more lines than have room: the totals wait until those are out.
  await Promise.all([shell.stderr.flush(), sessionSink.flush()])
  await files.close()
  taps.report()
  logStats()
  await announce('stopped', totals(signal, server))
}

async function refuseItself(listen: Address, upstream: Upstream): Promise<void> {
  if (!(await isSelfUpstream(listen, upstream.address))) return
  const [own, other] = [formatAddress(listen), formatUpstream(upstream)]
  throw new Failure(2, `<upstream>: expected another address than <listen> (${own}), got ${other}`)
}

function totals(signal: Signal | undefined, server: RelayServer): Fields {
  const { accepted, rejected, closed, up, down } = server.stats()
  const reasons = Object.fromEntries(Object.entries(closed).filter(([, count]) => count > 0))
  return { signal, accepted, rejected, closed: reasons, up: up.bytes, down: down.bytes }
}

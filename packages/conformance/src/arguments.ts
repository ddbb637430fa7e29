import { type Address, parseAddress } from './address.js'
import type { Deadlines } from './deadlines.js'
import type { HalfClose } from './setting.js'

export const USAGE = `npm run conformance -- <listen> <upstream> [options]   hold a running relay to every claim
npm run conformance -- --peers                         do so with every relay on this machine, and write docs/conformance.md

  <listen>             where the relay under test accepts: host:port, [::1]:port, a port of 127.0.0.1, or unix:/path
  <upstream>           where it connects to, the same or tls://host:port; this program listens there, and plays the server
  --half-close <mode>  what the end of one side means to the relay: forward or close (default: forward)
  --cert, --key <file> certificate and key, in PEM, of an upstream of TLS; the relay must trust it
  --pid <pid>          the relay's process: stop it in the end, by force, and see what its sessions see
  --sessions <n>       sessions of the largest crowd (default: 3000)
  --only <text>        only the cases whose id contains it
  --jobs <n>           cases at once (default: 4)
  --idle <ms>          the relay has this idle timeout: run the cases about deadlines instead
  --max-duration <ms>  the relay lets no session live longer: the same
  --relay <text>       with --peers: only the relays whose name contains it
  --json               one JSON object instead of a table
  --help               this text
`

interface CommonArguments {
  readonly only: string
  readonly jobs: number
  readonly sessions: number
  readonly json: boolean
}

export interface PeersArguments extends CommonArguments {
  readonly mode: 'peers'
  readonly relay: string
}

export interface RunArguments extends CommonArguments {
  readonly mode: 'run'
  readonly listen: Address
  readonly upstream: Address
  readonly halfClose: HalfClose
  readonly certificateFiles?: CertificateFiles
  readonly pid: number | undefined
  readonly deadlines: Deadlines
}

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export type Arguments = { readonly mode: 'help' } | PeersArguments | RunArguments

/** It was called wrongly; the message says how it can be called. */
export class UsageError extends Error {}

const RUN_VALUES = ['--half-close', '--cert', '--key', '--pid', '--idle', '--max-duration']
const VALUES = [...RUN_VALUES, '--sessions', '--only', '--jobs', '--relay']
const FLAGS = ['--peers', '--json', '--help']

export function parseArguments(argv: readonly string[]): Arguments {
  const words: string[] = []
  const values = new Map<string, string>()
  const rest = [...argv]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith('--')) {
      words.push(word)
    } else if (FLAGS.includes(word)) {
      values.set(word, '')
    } else if (VALUES.includes(word)) {
      const value = rest.shift()
      if (value === undefined) throw new UsageError(`${word}: a value is missing`)
      values.set(word, value)
    } else {
      throw new UsageError(`${word}: expected one of ${[...VALUES, ...FLAGS].join(', ')}`)
    }
  }
  if (values.has('--help')) return { mode: 'help' }
  const common = {
    only: values.get('--only') ?? '',
    jobs: wholeNumber(values, '--jobs') ?? 4,
    sessions: wholeNumber(values, '--sessions') ?? 3_000,
    json: values.has('--json'),
  }
  if (values.has('--peers')) {
    if (words.length > 0) throw new UsageError(`${words[0]}: --peers takes no address`)
    const unknown = RUN_VALUES.find((name) => values.has(name))
    if (unknown !== undefined) throw new UsageError(`${unknown}: not with --peers`)
    return { mode: 'peers', relay: values.get('--relay') ?? '', ...common }
  }
  if (values.has('--relay')) throw new UsageError('--relay: only with --peers')
  return { ...runArguments(words, values), ...common }
}

function runArguments(words: readonly string[], values: ReadonlyMap<string, string>) {
  const [listen, upstream] = [words[0], words[1]].map((text) => text && address(text))
  if (words.length !== 2 || !listen || !upstream)
    throw new UsageError(`expected two addresses, <listen> and <upstream>, not ${words.length}`)
  if (listen.transport === 'tls') throw new UsageError('tls:// is for the upstream')
  const [cert, key] = [values.get('--cert'), values.get('--key')]
  if (upstream.transport === 'tls' && (cert === undefined || key === undefined))
    throw new UsageError('an upstream of tls:// needs --cert and --key')
  return {
    mode: 'run' as const,
    listen,
    upstream,
    halfClose: halfClose(values.get('--half-close')),
    ...(cert !== undefined && key !== undefined && { certificateFiles: { cert, key } }),
    pid: wholeNumber(values, '--pid'),
    deadlines: {
      idleMs: wholeNumber(values, '--idle'),
      maxDurationMs: wholeNumber(values, '--max-duration'),
    },
  }
}

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) {
    throw new UsageError(`${text}: expected host:port, [::1]:port, a port, unix:/path or tls://host:port`)
  }
  return parsed
}

function halfClose(text = 'forward'): HalfClose {
  if (text === 'forward' || text === 'close') return text
  throw new UsageError(`--half-close ${text}: expected forward or close`)
}

function wholeNumber(values: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = values.get(name)
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`${name} ${text}: expected a whole number above 0`)
  return Number(text)
}

import { readFileSync } from 'node:fs'
import { parseArguments, type RunArguments, USAGE, UsageError } from './arguments.js'
import { casesFor } from './cases/index.js'
import { comparePeers } from './peers/compare-peers.js'
import { jsonReport, textReport } from './report.js'
import { runCases } from './run-cases.js'

/** Runs with these arguments (without node and script) and resolves with the exit code: 0 all claims hold, 1 not all, 2 usage. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const options = parseArguments(argv)
    if (options.mode === 'help') {
      process.stdout.write(USAGE)
      return 0
    }
    return options.mode === 'peers' ? await comparePeers(options) : await holdRelay(options)
  } catch (error) {
    const usage = error instanceof UsageError
    process.stderr.write(`conformance: ${(error as Error).message}${usage ? '; see --help' : ''}\n`)
    return usage ? 2 : 1
  }
}

async function holdRelay(options: RunArguments): Promise<number> {
  const { listen, upstream, json, only, certificateFiles } = options
  const setting = { ...options, transports: { client: listen.transport, server: upstream.transport } }
  const chosen = casesFor(setting)
  const cases = chosen.cases.filter(({ id }) => id.includes(only))
  const leftOut = chosen.leftOut.filter(({ id }) => id.includes(only))
  if (cases.length + leftOut.length === 0) {
    throw new UsageError(`--only ${only}: no case has that in its id`)
  }
  const progress = process.stderr.isTTY === true && !json
  const results = await runCases({
    ...options,
    setting,
    certificate: certificateFiles && {
      cert: readFileSync(certificateFiles.cert, 'utf8'),
      key: readFileSync(certificateFiles.key, 'utf8'),
    },
    cases,
    onResult: ({ pass }) => void (progress && process.stderr.write(pass ? '.' : 'F')),
  })
  if (progress) process.stderr.write('\n')
  process.stdout.write(json ? jsonReport(results, leftOut) : textReport(results, leftOut))
  return results.every(({ pass }) => pass) ? 0 : 1
}

import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { Failure } from './failure.js'
import { type Io, processIo } from './io.js'
import { oneLine } from './one-line.js'
import { createShell, type Shell } from './shell.js'
import { usageLine } from './usage-line.js'

export type { Io, Output, Signal } from './io.js'

/** A module in commands/: gives its command arguments, options and an action, which ends other than well by a {@link Failure}. */
interface CommandModule {
  define(command: Command, shell: Shell): void
}

const commands: Readonly<Record<string, { summary: string; load: () => Promise<CommandModule> }>> = {
  forward: { summary: 'relay TCP from one address to another', load: () => import('./commands/forward.js') },
  echo: { summary: 'send back what comes, to try things on', load: () => import('./commands/echo.js') },
  demo: { summary: 'a relay before an echo, tried and measured', load: () => import('./commands/demo.js') },
  stages: { summary: 'the built-in stages and their arguments', load: () => import('./commands/stages.js') },
}

/** Runs the command with these arguments (without node and script) and resolves with its exit code. */
export async function run(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const shell = createShell(io, argv)
  const flush = (): Promise<unknown> => Promise.all([shell.stdout.flush(), shell.stderr.flush()])
  return shell.stop.leave(execute(shell), flush)
}

async function execute(shell: Shell): Promise<number> {
  const { argv } = shell
  const name = argv.find((word) => Object.hasOwn(commands, word))
  const root = rootCommand(shell)
  const command = root.commands.find((candidate) => candidate.name() === name) ?? root
  try {
    if (argv.length === 0) throw new Failure(2, `expected a command: ${Object.keys(commands).join(', ')}`)
    // The help of the others needs their summary alone.
    if (name !== undefined) (await commands[name]?.load())?.define(command, shell)
    await root.parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    const { exitCode, message } = failureOf(error, command)
    const speaker = name === undefined ? 'relay' : `relay ${name}`
    const hint = exitCode === 2 ? `; see ${speaker} --help` : ''
    if (message !== '') shell.stderr.write(`${oneLine(`${speaker}: ${message}${hint}`)}\n`)
    return exitCode
  }
}

function rootCommand(shell: Shell): Command {
  const root = new Command('relay')
    .description('A programmable TCP relay.')
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => shell.stdout.write(text),
      writeErr: () => {},
      outputError: () => {},
    })
  for (const [name, { summary }] of Object.entries(commands)) root.command(name).description(summary)
  return root
}

function failureOf(error: unknown, command: Command): { exitCode: number; message: string } {
  if (error instanceof Failure) return error
  if (!(error instanceof CommanderError)) return { exitCode: 1, message: (error as Error).message }
  if (error.exitCode === 0) return { exitCode: 0, message: '' }
  return { exitCode: 2, message: usageLine(error, command) }
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
}

import type { Command, CommanderError } from 'commander'

/** What commander found wrong, in one line that says what is accepted; `command` is the one that was asked for. */
export function usageLine({ code, message }: CommanderError, command: Command): string {
  const text = message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)$/, ' (did you mean $1?)')
  switch (code) {
    case 'commander.unknownCommand':
      return `${text}, expected ${command.commands.map((known) => known.name()).join(', ')}`
    case 'commander.missingArgument':
      return `${text}, expected ${command.name()} ${command.usage()}`
    case 'commander.excessArguments':
      return `too many arguments, expected ${command.name()} ${command.usage()}`
    case 'commander.optionMissingArgument':
      return text.replace(/^option '(.*)' argument missing$/, '$1: expected a value')
    default:
      return text
  }
}

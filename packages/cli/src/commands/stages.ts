import type { Command } from 'commander'
import type { Shell } from '../shell.js'
import { syntaxOf } from '../stages/built-in.js'
import { builtIns } from '../stages/built-ins.js'
import { table } from '../table.js'

export function define(command: Command, shell: Shell): void {
  command.option('--json', 'print JSON').action(({ json }: { json?: true }) => {
    shell.stdout.write(json === true ? `${JSON.stringify(description(), undefined, 2)}\n` : listing())
  })
}

// For programs: keys are added, never changed.
function description(): object {
  return builtIns.map((stage) => ({
    name: stage.name,
    syntax: syntaxOf(stage),
    meaning: stage.meaning,
    arguments: Object.entries(stage.parameters).map(([name, { value, meaning, preset }]) => ({
      name,
      value,
      meaning,
      required: preset === undefined,
      default: preset ?? null,
    })),
  }))
}

function listing(): string {
  const rows = builtIns.flatMap((stage) => [
    [syntaxOf(stage), stage.meaning],
    ...Object.entries(stage.parameters).map(([name, { value, meaning, preset }], index) => [
      `    ${index === 0 ? value : name}`,
      preset === undefined ? meaning : `${meaning} (default: ${preset})`,
    ]),
  ])
  const module = [
    'PATH[:ARG]',
    'a module of yours (./upper.mjs) whose default export is a stage, or makes one of ARG',
  ]
  return table([...rows, module])
}

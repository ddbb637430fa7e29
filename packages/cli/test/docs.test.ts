import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { define as defineDemo } from '../src/commands/demo.js'
import { define as defineEcho } from '../src/commands/echo.js'
import { define as defineForward } from '../src/commands/forward.js'
import { createShell } from '../src/shell.js'
import { fakeIo } from './support/fake-io.js'

const reference = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
const shell = createShell(fakeIo(), [])

test.each([
  ['forward', defineForward],
  ['demo', defineDemo],
])('docs/cli.md has every flag of %s, with its values and default', (name, define) => {
  const section = reference.split(/^## /m).find((text) => text.startsWith(`relay ${name}\n`))
  const command = new Command(name)
  define(command, shell)
  const rows = command.options.map(({ flags, defaultValueDescription }) => {
    const preset = defaultValueDescription === undefined ? '' : `\`${defaultValueDescription}\``
    return `| \`${flags.replaceAll('|', '\\|')}\` | ${preset}`
  })
  const documented = section?.split('\n').filter((line) => line.startsWith('| `-')) ?? []
  expect(documented).toEqual(rows.map((row) => expect.stringContaining(row)))
})

test('docs/cli.md has the flags of echo', () => {
  const command = new Command('echo')
  defineEcho(command, shell)
  for (const { flags } of command.options) expect(reference).toContain(`relay echo <listen> [${flags}]`)
})

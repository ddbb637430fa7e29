import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'

/** What a module of a user's threw, in one line, with the line of the module if that is known. */
export async function failureText(error: unknown, module: URL): Promise<string> {
  if (!(error instanceof Error)) return inspect(error, { depth: 0, breakLength: Number.POSITIVE_INFINITY })
  const { name, message, code } = error as NodeJS.ErrnoException
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?ts"/.test(message)) {
    return `TypeScript needs Node 22.18, 23.6 or later, and this is ${process.version}`
  }
  const [summary = ''] = message.split('\n')
  if (code?.endsWith('MODULE_NOT_FOUND') === true && summary.includes("'@relay/")) {
    return `${summary}; install it beside the module (npm install @relay/core), or do without: a stage is a plain object`
  }
  const text = name === 'Error' || code?.startsWith('ERR_') === true ? summary : `${name}: ${summary}`
  return `${text}${placeInStack(error, module) ?? (await placeOfSyntaxError(error, module))}`
}

function placeInStack({ stack = '' }: Error, module: URL): string | undefined {
  const lines = stack.split('\n')
  for (const place of [fileURLToPath(module), module.href]) {
    const line = lines.find((text) => text.includes(`${place}:`))
    if (line !== undefined)
      return ` at line ${Number.parseInt(line.slice(line.indexOf(place) + place.length + 1), 10)}`
  }
  // A wrong file comes before the message; frames come behind it.
  return /^\S.*:\d+$/.test(lines[0] ?? '') ? ` at ${lines[0]}` : undefined
}

// Node knows the place of a syntax error in an ES module, but tells it only to a terminal.
async function placeOfSyntaxError(error: Error, module: URL): Promise<string> {
  if (error.name !== 'SyntaxError') return ''
  const { failed, printed } = await checkSyntax(readFileSync(module))
  const [, line] = /^\[stdin\]:(\d+)$/m.exec(printed) ?? []
  if (line !== undefined) return ` at line ${line}`
  return failed ? '' : ' in a module that it imports'
}

function checkSyntax(source: Buffer): Promise<{ failed: boolean; printed: string }> {
  return new Promise((resolve) => {
    const flags = ['--input-type=module', '--check', '-']
    const node = execFile(process.execPath, flags, (error, _stdout, printed) => {
      resolve({ failed: error !== null, printed })
    })
    node.stdin?.on('error', () => {}).end(source)
  })
}

// Keeps the documents true: snippets are examples, examples are short and run, every error code is documented.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from './setup.mjs'

const problems = []
const report = (file, line, text) => problems.push(`${file}:${line}: ${text}`)

const linesOf = (file) =>
  existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8').trimEnd().split('\n') : []
const filesIn = (folder, extension) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true })
        .filter((name) => name.endsWith(extension) && !/(^|[\\/])(dist|node_modules)[\\/]/.test(name))
        .map((name) => `${folder}/${name}`)
        .sort()
    : []

/**
 * A snippet and the file that it shows must not drift apart; each one in these documents shows a file:
 *
 *     <!-- example: examples/two-way-copy.ts -->        the whole file
 *     <!-- example: examples/two-way-copy.ts#serve -->  what stands there between `// #region serve` and `// #endregion`
 */
function checkSnippets(document) {
  const lines = linesOf(document)
  if (lines.length === 0) report(document, 1, 'does not exist')
  const shown = new Set()
  for (const [index, text] of lines.entries()) {
    const [, file, region] = /^<!-- example: (\S+?)(?:#(\S+))? -->$/.exec(text) ?? []
    if (file !== undefined) shown.add(checkSnippet(document, index, file, region))
    else if (isSnippet(text) && !shown.has(index)) report(document, index + 1, 'shows no example')
  }
}

const isSnippet = (line) => line === '```ts' || line === '```js'

/** Returns the index of the line at which the snippet starts. */
function checkSnippet(document, index, file, region) {
  const lines = linesOf(document)
  const start = lines.findIndex((line, at) => at > index && line.trim() !== '')
  const end = lines.indexOf('```', start)
  const fail = (text, at = index) => {
    report(document, at + 1, text)
    return start
  }
  if (!isSnippet(lines[start]) || end < 0) return fail('no ```ts or ```js block follows')

  let source = linesOf(file)
  if (source.length === 0) return fail(`${file} does not exist`)
  if (region) {
    const from = source.findIndex((line) => line.trim() === `// #region ${region}`)
    const to = source.findIndex((line, at) => at > from && line.trim() === '// #endregion')
    if (from < 0 || to < 0) return fail(`${file} has no region ${region}`)
    source = source.slice(from + 1, to)
  }

  const snippet = lines.slice(start + 1, end)
  for (let at = 0; at < Math.max(source.length, snippet.length); at += 1) {
    if (source[at] === snippet[at]) continue
    return fail(`differs from ${file}, which has: ${source[at] ?? '(no more lines)'}`, start + 1 + at)
  }
  return start
}

function checkLength(document, most) {
  const { length } = linesOf(document)
  if (length > most) report(document, most + 1, `has ${length} lines, at most ${most} are read`)
}

/** An example is read in one go, and a reader who runs it sees it end. */
function checkExamples() {
  for (const file of [...filesIn('examples', '.ts'), ...filesIn('examples', '.mjs')]) {
    const { length } = linesOf(file)
    if (length > 60) report(file, 61, `has ${length} lines, an example has at most 60`)
    const built = file.endsWith('.ts') ? `examples/dist/${basename(file, '.ts')}.js` : file
    const script = join(root, built)
    const { status, error, output } = spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    })
    if (error?.code === 'ETIMEDOUT') report(file, 1, 'did not end within 20 s')
    else if (status !== 0) report(file, 1, `ended with ${status ?? error?.message}\n${output.join('')}`)
  }
}

/** Someone who searches for an error code finds it; what docs/errors.md explains can still happen. */
function checkErrorCodes() {
  const code = /\bERR_(?:RELAY|POOL)_[A-Z0-9_]+\b/g
  const thrown = new Map()
  for (const file of filesIn('packages', '.ts').filter((name) => /^packages\/[^/]+\/src\//.test(name))) {
    linesOf(file).forEach((line, index) => {
      for (const [name] of line.matchAll(code)) if (!thrown.has(name)) thrown.set(name, [file, index + 1])
    })
  }
  const documented = new Map()
  linesOf('docs/errors.md').forEach((line, index) => {
    if (line.startsWith('#')) for (const [name] of line.matchAll(code)) documented.set(name, index + 1)
  })
  for (const [name, at] of thrown)
    if (!documented.has(name)) report(...at, `${name} has no heading in docs/errors.md`)
  for (const [name, at] of documented)
    if (!thrown.has(name)) report('docs/errors.md', at, `${name} is nowhere in packages/*/src`)
}

for (const document of ['README.md', 'docs/cli.md', 'docs/writing-stages.md']) checkSnippets(document)
checkLength('README.md', 150)
checkExamples()
checkErrorCodes()
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0

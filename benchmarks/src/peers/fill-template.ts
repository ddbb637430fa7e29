import { readFileSync } from 'node:fs'
import { repositoryFile } from '../repository-file.js'

/** A configuration of benchmarks/peers/, with values for its `{{names}}`. **Fails** on a name that has none. */
export function fillTemplate(file: string, values: Readonly<Record<string, string>>): string {
  const text = readFileSync(repositoryFile(`benchmarks/peers/${file}`), 'utf8')
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`benchmarks/peers/${file}: no value for {{${name}}}`)
    return value
  })
}

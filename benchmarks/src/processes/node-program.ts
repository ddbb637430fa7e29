import { fileURLToPath } from 'node:url'
import { Program } from './program.js'

/** Starts a program of src/programs, by its name. */
export function nodeProgram(name: string, ...args: readonly string[]): Program {
  return new Program(process.execPath, [programFile(name), ...args])
}

/** Where it is, as built. */
export function programFile(name: string): string {
  return fileURLToPath(new URL(`../programs/${name}.js`, import.meta.url))
}

import { realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { defineStage, type Stage } from '@relay/core'
import { attributeStrayErrors } from '../stray-errors.js'
import { failureText } from './failure-text.js'
import type { ModuleSpec } from './module-spec.js'

// A factory may have to ask somebody first; a promise that nobody settles must not keep the relay silent for ever.
const LOAD_MS = 30_000

/**
 * The stage that a module exports as its default, or that its default export returns for the argument, at once or as a promise.
 *
 * **Fails** with an error whose message is one line and begins with the path as it was written.
 */
export async function loadStageModule({ path, argument }: ModuleSpec): Promise<Stage> {
  attributeStrayErrors()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TypeError(`was not there after ${LOAD_MS / 1_000}s`)), LOAD_MS)
  })
  try {
    return await Promise.race([load(locate(path), argument), late])
  } catch (error) {
    throw new TypeError(`${path}: ${(error as Error).message}`)
  } finally {
    clearTimeout(timer)
  }
}

async function load(module: URL, argument: string | undefined): Promise<Stage> {
  const exported = await defaultExport(module)
  if (typeof exported !== 'function') {
    const stage = checked('its default export', exported)
    if (argument === undefined) return stage
    throw new TypeError(`expected no argument, since it exports a stage and no factory, got '${argument}'`)
  }
  let made: unknown
  try {
    made = await exported(argument)
  } catch (error) {
    throw new TypeError(`its stage factory failed: ${await failureText(error, module)}`)
  }
  return checked('what its stage factory returned', made)
}

function locate(path: string): URL {
  const file = path.startsWith('file:') ? fileURLToPath(path) : resolve(path)
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw new TypeError(`no such file (${file})`)
  if (found.isDirectory()) throw new TypeError('expected a file, got a directory')
  return pathToFileURL(realpathSync(file))
}

async function defaultExport(module: URL): Promise<unknown> {
  let exports: Record<string, unknown>
  try {
    exports = await import(module.href)
  } catch (error) {
    throw new TypeError(`cannot be loaded: ${await failureText(error, module)}`)
  }
  const exported = exports.default
  // A CommonJS module that was compiled from ESM has its default export one further down.
  if (isCompiled(exported)) return exported.default
  if (exported !== undefined) return exported
  const names = Object.keys(exports).join(', ')
  throw new TypeError(`expected a default export, got ${names === '' ? 'no export' : `only ${names}`}`)
}

function isCompiled(exported: unknown): exported is { default: unknown } {
  return (
    typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  )
}

function checked(what: string, value: unknown): Stage {
  try {
    return defineStage(value as Stage)
  } catch (error) {
    const message = (error as Error).message.replace('defineStage: ', '').replaceAll(/\s+/g, ' ')
    throw new TypeError(`${what}: ${message}`)
  }
}

import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, test } from 'vitest'

const POSTGRESQL = '/usr/lib/postgresql'

/**
 * A block of tests that need programs which others wrote. Where one is missing they are skipped and say so; under `CI=true` that is a
 * failure, so that no gate passes by skipping.
 */
export function describeWith(names: readonly string[], title: string, tests: () => void): void {
  const missing = names.filter((name) => find(name) === undefined)
  if (missing.length === 0) return void describe(title, tests)
  const why = `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not installed`
  if (process.env.CI === 'true') {
    test(`${title}: every program is installed`, () => {
      throw new Error(why)
    })
  } else {
    console.log(`${title}: skipped: ${why}`)
    describe.skip(`${title} (skipped: ${why})`, tests)
  }
}

/** The path of a program that {@link describeWith} has asked for. */
export function program(name: string): string {
  const path = find(name)
  if (path === undefined) throw new Error(`${name} is not installed`)
  return path
}

function find(name: string): string | undefined {
  return folders()
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

// Debian keeps servers out of a user's PATH, and PostgreSQL's out of everybody's.
function folders(): string[] {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...postgresqlFolders(), ...path, '/usr/local/sbin', '/usr/sbin', '/sbin']
}

function postgresqlFolders(): string[] {
  try {
    const versions = readdirSync(POSTGRESQL).sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => join(POSTGRESQL, version, 'bin'))
  } catch {
    return []
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleanUp } from './clean-up.js'

/** A folder that is gone when this process is. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'))
  cleanUp(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

import { findProgram } from './processes/program.js'

/** **Fails** when one of these is not on this machine, and says which Debian package has it. */
export function needPrograms(packages: Readonly<Record<string, string>>): void {
  const missing = Object.entries(packages).filter(([program]) => findProgram(program) === undefined)
  if (missing.length === 0) return
  throw new Error(
    `missing: ${missing.map(([program, name]) => `${program} (apt-get install ${name})`).join(', ')}`,
  )
}

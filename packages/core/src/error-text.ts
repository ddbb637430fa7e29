import { inspect } from 'node:util'

// What Node asks a warning for, and we an error.
const ASKED = ['name', 'message', 'stack', 'code', 'detail', 'syscall'] as const

/** What somebody threw, as an error that can be looked at: itself, unless it is none, or throws when it is looked at. */
export function shownError(error: unknown): Error {
  try {
    if (error instanceof Error && typeof String(error) === 'string') {
      for (const key of ASKED) void (error as Partial<Record<(typeof ASKED)[number], unknown>>)[key]
      return error
    }
  } catch {}
  return new Error(errorText(error))
}

/** What somebody threw, as text; it may be anything, also what cannot be turned into text. */
export function errorText(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error === 'string' ? error : inspect(error, { depth: 0 })
    const { message } = error
    return typeof message === 'string' && message !== '' ? message : String(error)
  } catch {
    return 'an error that cannot be shown'
  }
}

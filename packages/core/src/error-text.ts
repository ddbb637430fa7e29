import { inspect } from 'node:util'

/** What somebody threw, as text; it may be anything, also what cannot be turned into text. */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error
      ? error.message
      : typeof error === 'string'
        ? error
        : inspect(error, { depth: 0 })
  } catch {
    return 'an error that cannot be shown'
  }
}

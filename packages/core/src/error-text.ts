import { inspect } from 'node:util'

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

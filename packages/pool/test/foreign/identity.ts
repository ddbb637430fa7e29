/** What every value of a session carries, so that no byte can be mistaken for another's. */
export function identity(session: number): string {
  return `S${String(session).padStart(7, '0')}`
}

/** Nobody: what a server says before any session has said who it is. */
export const NOBODY: string = identity(0)

const IDENTITIES = /S\d{7}/g

/** The sessions, other than this one, whose bytes are in the text. */
export function strangersIn(text: string, own: string): string[] {
  const found = new Set(text.match(IDENTITIES))
  found.delete(own)
  found.delete(NOBODY)
  return [...found]
}

/** The session that the text is of. */
export function identityIn(text: string): string {
  return text.match(IDENTITIES)?.[0] ?? NOBODY
}

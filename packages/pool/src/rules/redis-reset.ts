const setInfo = (attribute: string): string =>
  `*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$${attribute.length}\r\n${attribute}\r\n$0\r\n\r\n`
const RESET = '*1\r\n$5\r\nRESET\r\n'
const LIBRARY = [setInfo('LIB-NAME'), setInfo('LIB-VER')]
// Of each attribute one bit.
const resets = [0, 1, 2, 3].map((library) =>
  Buffer.from([...LIBRARY.filter((_, attribute) => (library & (1 << attribute)) !== 0), RESET].join('')),
)
const NOTHING = Buffer.alloc(0)

/** What takes back everything that a session may have left. */
export const WHOLE_RESET: Buffer = resets[3] as Buffer

/**
 * What the connections of one rule are cleaned with: no command that the server does not know, for each refusal counts in its error
 * statistics. An attribute that could be set can be emptied; whether there is a RESET is learned from the first one.
 */
export class RedisReset {
  /** The server has no RESET: Redis before 6.2. */
  refused = false

  /** @param library - The attributes that CLIENT SETINFO may have set, as bits. */
  of(library: number): Buffer {
    return this.refused ? NOTHING : (resets[library] as Buffer)
  }
}

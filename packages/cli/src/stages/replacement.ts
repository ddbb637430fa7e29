import { inspect } from 'node:util'

const ESCAPES: Readonly<Record<string, number>> = { '0': 0, n: 10, r: 13, t: 9, '=': 61, '\\': 92 }
const PIECE = /\\x([0-9a-f]{2})|\\(.)|([^\\]+)/gisy

/**
 * The bytes of `FROM=TO`, in UTF-8. The first `=` divides; `\=` is one that does not, and `\\`, `\n`, `\r`, `\t`, `\0`, `\xNN` are bytes.
 *
 * **Fails** with a `TypeError` that says what is accepted.
 */
export function parseReplacement(text: string): { readonly from: Buffer; readonly to: Buffer } {
  const from = /^(?:[^\\=]|\\.)*/s.exec(text)?.[0] ?? ''
  if (from === '' || text[from.length] !== '=') {
    throw new TypeError(
      String.raw`expected FROM=TO, where \= is a = that does not divide, got ${inspect(text)}`,
    )
  }
  return { from: unescaped(from), to: unescaped(text.slice(from.length + 1)) }
}

function unescaped(text: string): Buffer {
  const bytes: Buffer[] = []
  let end = 0
  for (const [piece, hex, name, plain] of text.matchAll(PIECE)) {
    const byte = hex === undefined ? ESCAPES[name ?? ''] : Number.parseInt(hex, 16)
    if (plain !== undefined) bytes.push(Buffer.from(plain))
    else if (byte !== undefined) bytes.push(Buffer.of(byte))
    else break
    end += piece.length
  }
  if (end === text.length) return Buffer.concat(bytes)
  const expected = String.raw`expected \=, \\, \n, \r, \t, \0 or \xNN`
  throw new TypeError(`${expected}, got '${text.slice(end, end + (text[end + 1] === 'x' ? 4 : 2))}'`)
}

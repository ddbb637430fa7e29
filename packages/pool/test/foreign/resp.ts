/** A request in canonical form; all text here is latin1, a character for each byte. */
export function request(parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`
}

export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}

/** Where the reply that begins at `at` ends, RESP2 or 3; -1 while it is not whole. */
export function replyEnd(text: string, at: number): number {
  const lineEnd = text.indexOf('\r\n', at)
  if (lineEnd < 0) return -1
  const type = text[at] as string
  const count = Number(text.slice(at + 1, lineEnd))
  const after = lineEnd + 2
  if ('+-:_#,('.includes(type)) return after
  if (count < 0) return after
  if ('$!='.includes(type)) return text.length < after + count + 2 ? -1 : after + count + 2
  if (!'*~>%'.includes(type))
    throw new Error(`no reply begins with ${JSON.stringify(text.slice(at, at + 40))}`)
  let end = after
  for (let left = type === '%' ? count * 2 : count; left > 0 && end >= 0; left--) end = replyEnd(text, end)
  return end
}

/** Reads requests from a stream of bytes, however it is cut. **Fails** on bytes that are none. */
export class RequestReader {
  #text = ''

  /** Whether a request has begun and not ended. */
  get partial(): boolean {
    return this.#text !== ''
  }

  push(text: string): string[][] {
    this.#text += text
    const requests: string[][] = []
    for (let at = 0; ; ) {
      const next = parseRequest(this.#text, at)
      if (next === undefined) {
        this.#text = this.#text.slice(at)
        return requests
      }
      requests.push(next.parts)
      at = next.end
    }
  }
}

function parseRequest(text: string, at: number): { parts: string[]; end: number } | undefined {
  let position = at
  const number = (type: string): number | undefined => {
    if (position < text.length && text[position] !== type)
      throw new Error(`not a request: ${JSON.stringify(text.slice(at, at + 60))}`)
    const end = text.indexOf('\r\n', position)
    if (end < 0) return undefined
    const value = Number(text.slice(position + 1, end))
    position = end + 2
    return value
  }
  const count = number('*')
  if (count === undefined) return undefined
  const parts: string[] = []
  for (let index = 0; index < count; index++) {
    const length = number('$')
    if (length === undefined || text.length < position + length + 2) return undefined
    parts.push(text.slice(position, position + length))
    position += length + 2
  }
  return { parts, end: position }
}

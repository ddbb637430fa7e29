/**
 * A set of words as a walk over bytes: nothing is collected, any split will do, and no bytes but the listed words get anywhere.
 * Node 0 is where all others end.
 */
export interface WordTrie {
  readonly columns: Uint8Array
  readonly next: Uint16Array
  readonly values: Uint8Array
  readonly stride: number
}

/** The node before the first byte. */
export const ROOT = 1

/** Builds the walk; each word has a value from 1 to 255. */
export function wordTrie(words: Readonly<Record<string, number>>): WordTrie {
  const columns = new Uint8Array(256)
  let stride = 1
  let length = ROOT + 1
  for (const word of Object.keys(words)) {
    length += word.length
    for (const byte of Buffer.from(word)) if (columns[byte] === 0) columns[byte] = stride++
  }
  const next = new Uint16Array(length * stride)
  const values = new Uint8Array(length)
  let nodes = ROOT + 1
  for (const [word, value] of Object.entries(words)) {
    let node = ROOT
    for (const byte of Buffer.from(word)) {
      const edge = node * stride + (columns[byte] as number)
      if (next[edge] === 0) next[edge] = nodes++
      node = next[edge] as number
    }
    values[node] = value
  }
  return { columns, next, values, stride }
}

/** The node that a byte leads to. */
export function step({ columns, next, stride }: WordTrie, node: number, byte: number): number {
  return next[node * stride + (columns[byte] as number)] as number
}

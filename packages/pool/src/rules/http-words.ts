/**
 * Words known by heart, as a walk over bytes: nothing is collected, any split will do. Node 0 is where all other
 * words end.
 */
export interface WordTrie {
  readonly columns: Uint8Array
  readonly next: Uint16Array
  readonly verdicts: Uint8Array
  readonly stride: number
}

/** The node before the first byte; no byte leads back to it. */
export const ROOT = 1

/** Builds the walk over all these words; `anyCase`: they are given in lower case, and known in any. */
export function wordTrie(words: ReadonlyMap<string, number>, anyCase: boolean): WordTrie {
  const columns = new Uint8Array(256)
  let stride = 1
  let length = ROOT + 1
  for (const word of words.keys()) {
    for (const byte of Buffer.from(word)) {
      if (columns[byte] === 0) columns[byte] = stride++
      if (anyCase && byte >= 0x61 && byte <= 0x7a) columns[byte - 0x20] = columns[byte] as number
    }
    length += word.length
  }
  const next = new Uint16Array(length * stride)
  const verdicts = new Uint8Array(length)
  let nodes = ROOT + 1
  for (const [word, verdict] of words) {
    let node = ROOT
    for (const byte of Buffer.from(word)) {
      const edge = node * stride + (columns[byte] as number)
      if (next[edge] === 0) next[edge] = nodes++
      node = next[edge] as number
    }
    verdicts[node] = verdict
  }
  return { columns, next: next.slice(0, nodes * stride), verdicts: verdicts.slice(0, nodes), stride }
}

/** Where one more byte leads. */
export function walk(trie: WordTrie, node: number, byte: number): number {
  return trie.next[node * trie.stride + (trie.columns[byte] as number)] as number
}

/** Each client's first bytes: they tell the suite's server whose connection it has accepted. */
export const HELLO_BYTES = 16

export function helloOf(id: string): Buffer {
  return Buffer.from(`conform:${id.padEnd(7)}\n`, 'latin1')
}

/** Who said this hello; `undefined` when it is none. */
export function idOf(hello: Buffer): string | undefined {
  return /^conform:(\w+) *\n$/.exec(hello.toString('latin1'))?.[1]
}

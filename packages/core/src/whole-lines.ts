const NEWLINE = 10

// What a pipe takes as a whole or not at all, and never between the parts of another writer.
const PIPE_BYTES = 4096

/** Whether a line begins there, or could. */
export function isLineStart(lines: Buffer, at: number): boolean {
  return at === 0 || lines[at - 1] === NEWLINE
}

/** Where the line begins that this position is in the midst of. */
export function startOfLine(lines: Buffer, at: number): number {
  return lines.lastIndexOf(NEWLINE, at - 1) + 1
}

/** Whether a line ends between the two. */
export function holdsLineEnd(lines: Buffer, from: number, to: number): boolean {
  return lines.subarray(from, to).includes(NEWLINE)
}

/** The end of the whole lines that a pipe takes at once; of the first line where that alone is too long. */
export function endOfPipeful(lines: Buffer, from: number): number {
  if (lines.length - from <= PIPE_BYTES) return lines.length
  const end = lines.lastIndexOf(NEWLINE, from + PIPE_BYTES - 1) + 1
  return end > from ? end : lines.indexOf(NEWLINE, from) + 1 || lines.length
}

/** Rows of cells as aligned lines: the first column to the left, numbers to the right, the last as it is. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        if (column === 0) return cell.padEnd(width)
        return column === row.length - 1 ? cell : cell.padStart(width)
      })
      .join('  ')
  return rows.map((row) => `  ${line(row).trimEnd()}\n`).join('')
}

import type { Fields } from '../log.js'

/** The sum of what two processes counted; what is no number is as in the first that has it. */
export function addFields(one: Fields, other: Fields): Fields {
  const sum: Record<string, Fields[string]> = { ...one }
  for (const [name, value] of Object.entries(other)) {
    const before = sum[name]
    if (typeof value === 'number' && typeof before === 'number') sum[name] = before + value
    else if (typeof value === 'object' && typeof before === 'object')
      sum[name] = addFields(before, value) as Readonly<Record<string, number>>
    else sum[name] ??= value
  }
  return sum
}

/** A kind of number that people write with a unit. */
export interface Quantity {
  /** The number in the smallest unit; `undefined` for what is not such a number. */
  parse(text: string): number | undefined
  /** Three digits and the largest unit that leaves at least one before the point. */
  format(value: number): string
}

/** `units` from the smallest, worth 1, to the largest. */
export function quantity(units: Readonly<Record<string, number>>): Quantity {
  const names = Object.keys(units)
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)(${names.join('|')})$`)
  const worth = (name: string): number => units[name] ?? 1
  return {
    parse(text) {
      const [, digits, name] = pattern.exec(text) ?? []
      return digits === undefined || name === undefined ? undefined : Number(digits) * worth(name)
    },
    format(value) {
      const name = names.findLast((candidate) => value >= worth(candidate)) ?? names[0] ?? ''
      const scaled = value / worth(name)
      return `${scaled < 100 ? Number(scaled.toPrecision(3)) : Math.round(scaled)}${name}`
    },
  }
}

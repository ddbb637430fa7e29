import { isIPv4, isIPv6 } from 'node:net'
import { endianness } from 'node:os'

/** An address as the kernel prints it: 32-bit words in the machine's byte order. */
export function hexAddress(address: string): string {
  const bytes = isIPv4(address) ? address.split('.').map(Number) : ipv6Bytes(address)
  let hex = ''
  for (let word = 0; word < bytes.length; word += 4) {
    const four = bytes.slice(word, word + 4)
    if (endianness() === 'LE') four.reverse()
    for (const byte of four) hex += byte.toString(16).toUpperCase().padStart(2, '0')
  }
  return hex
}

function ipv6Bytes(address: string): number[] {
  const plain = address.replace(/%.*$/, '')
  if (!isIPv6(plain)) return []
  const lastColon = plain.lastIndexOf(':')
  const tail = plain.slice(lastColon + 1)
  const text = isIPv4(tail) ? plain.slice(0, lastColon + 1) + ipv4Groups(tail) : plain
  const [head = '', rest] = text.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = rest === undefined || rest === '' ? [] : rest.split(':')
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

function ipv4Groups(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

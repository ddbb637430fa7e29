import { describe, expect, test } from 'vitest'
import { ReadBuffer } from '../src/read-buffer.js'

// Reads as the socket does: into the memory of the moment.
function read(buffer: ReadBuffer, bytes: number): boolean | undefined {
  return buffer.onread.callback(bytes, memoryOf(buffer))
}
function memoryOf(buffer: ReadBuffer): Uint8Array {
  return (buffer.onread.buffer as () => Uint8Array)()
}

describe('the memory that a connection reads into', () => {
  test('grows when a read fills it, and shrinks when reads stay small', () => {
    const buffer = new ReadBuffer()
    buffer.onData = () => true
    const small = memoryOf(buffer).length
    read(buffer, small - 1)
    expect(memoryOf(buffer).length).toBe(small)
    read(buffer, small)
    const large = memoryOf(buffer).length
    expect(large).toBeGreaterThan(small)
    for (let i = 0; i < 15; i++) read(buffer, small)
    read(buffer, small + 1)
    for (let i = 0; i < 15; i++) read(buffer, small)
    expect(memoryOf(buffer).length).toBe(large)
    read(buffer, small)
    expect(memoryOf(buffer).length).toBe(small)
  })

  test('is never given to another connection while a chunk of it is on loan', () => {
    const large = 64 * 1024
    const lender = new ReadBuffer()
    lender.onData = () => true
    read(lender, memoryOf(lender).length)
    const lent = memoryOf(lender)
    expect(lent.length).toBe(large)
    lender.onData = () => false
    expect(read(lender, large)).toBe(false)
    lender.release()
    const others = Array.from({ length: 100 }, () => {
      const other = new ReadBuffer()
      other.onData = () => true
      read(other, memoryOf(other).length)
      return memoryOf(other)
    })
    expect(others.some((memory) => memory.buffer === lent.buffer)).toBe(false)
  })

  test('is used again by another connection once it is given back', () => {
    const first = new ReadBuffer()
    first.onData = () => true
    read(first, memoryOf(first).length)
    const memory = memoryOf(first)
    first.release()
    const second = new ReadBuffer()
    second.onData = () => true
    read(second, memoryOf(second).length)
    expect(memoryOf(second)).toBe(memory)
  })
})

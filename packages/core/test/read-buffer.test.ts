import { describe, expect, test } from 'vitest'
import { ReadBuffer } from '../src/read-buffer.js'

// Reads as the socket does: into the memory of the moment.
function read(buffer: ReadBuffer, bytes: number): boolean | undefined {
  return buffer.onread.callback(bytes, memoryOf(buffer))
}
function memoryOf(buffer: ReadBuffer): Uint8Array {
  return (buffer.onread.buffer as () => Uint8Array)()
}

/** Fills it until it grows no more. */
function grow(buffer: ReadBuffer): void {
  for (let i = 0; i < 2; i++) read(buffer, memoryOf(buffer).length)
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

  test('grows by steps: who reads a little more than fits keeps little', () => {
    const buffer = new ReadBuffer()
    buffer.onData = () => true
    read(buffer, memoryOf(buffer).length)
    read(buffer, 1)
    expect(memoryOf(buffer).length).toBeLessThanOrEqual(8 * 1024)
  })

  test('is never given to another connection while a chunk of it is on loan', () => {
    const large = 64 * 1024
    const lender = new ReadBuffer()
    lender.onData = () => true
    grow(lender)
    const lent = memoryOf(lender)
    expect(lent.length).toBe(large)
    lender.onData = () => false
    expect(read(lender, large)).toBe(false)
    lender.release()
    const others = Array.from({ length: 100 }, () => {
      const other = new ReadBuffer()
      other.onData = () => true
      grow(other)
      return memoryOf(other)
    })
    expect(others.some((memory) => memory.buffer === lent.buffer)).toBe(false)
  })

  test('is used again by another connection once it is given back', () => {
    const first = new ReadBuffer()
    first.onData = () => true
    grow(first)
    const memory = memoryOf(first)
    first.release()
    const second = new ReadBuffer()
    second.onData = () => true
    grow(second)
    expect(memoryOf(second)).toBe(memory)
  })
})

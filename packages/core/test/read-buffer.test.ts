import { describe, expect, test } from 'vitest'
import { type Loan, ReadBuffer } from '../src/read-buffer.js'

// Reads as the socket does: into the memory of the moment.
function read(buffer: ReadBuffer, bytes: number): boolean | undefined {
  return buffer.onread.callback(bytes, memoryOf(buffer))
}
function memoryOf(buffer: ReadBuffer): Uint8Array {
  return (buffer.onread.buffer as () => Uint8Array)()
}

const KIB = 1024
const LARGE = 64 * KIB
const HUGE = 144 * KIB

function taker(direct = false): ReadBuffer {
  const buffer = new ReadBuffer()
  buffer.direct = direct
  buffer.onData = () => true
  return buffer
}

const keep: ReadBuffer['onData'] = (_chunk, loan) => {
  loan?.keep()
  return true
}

/** Fills it until it grows no more. */
function grow(buffer: ReadBuffer): void {
  for (let i = 0; i < 3; i++) read(buffer, memoryOf(buffer).length)
}

describe('the memory that a connection reads into', () => {
  test('is shared by all that read little, and what is read there is a copy', () => {
    const [one, other] = [taker(), taker()]
    expect(memoryOf(one)).toBe(memoryOf(other))
    const chunks: [string, boolean][] = []
    one.onData = other.onData = (chunk, loan) => chunks.push([chunk.toString(), loan !== undefined]) > 0
    for (const [buffer, text] of [
      [one, 'mine'],
      [other, 'yours'],
    ] as const) {
      memoryOf(buffer).set(Buffer.from(text))
      read(buffer, text.length)
    }
    const kept: Buffer[] = []
    one.onData = (chunk) => kept.push(chunk) > 0
    memoryOf(one).set(Buffer.from('kept'))
    read(one, 4)
    memoryOf(other).fill(33)
    read(other, LARGE)
    expect(kept.map(String)).toEqual(['kept'])
    expect(chunks.slice(0, 2)).toEqual([
      ['mine', false],
      ['yours', false],
    ])
    expect(one.kept || other.kept).toBe(false)
    expect(memoryOf(other)).not.toBe(memoryOf(one))
    other.release()
  })

  test('grows when reads grow, and shrinks when they stay small', () => {
    const buffer = taker(true)
    read(buffer, 16 * KIB)
    expect(memoryOf(buffer)).toBe(memoryOf(taker()))
    read(buffer, 16 * KIB + 1)
    const own = memoryOf(buffer)
    expect(own).not.toBe(memoryOf(taker()))
    read(buffer, LARGE - 1)
    expect(memoryOf(buffer)).toBe(own)
    read(buffer, LARGE)
    expect(memoryOf(buffer).length).toBe(HUGE)
    for (let i = 0; i < 15; i++) read(buffer, LARGE)
    read(buffer, LARGE + 1)
    for (let i = 0; i < 15; i++) read(buffer, LARGE)
    expect(memoryOf(buffer).length).toBe(HUGE)
    read(buffer, LARGE)
    expect(memoryOf(buffer).length).toBe(LARGE)
    for (let i = 0; i < 16; i++) read(buffer, 16 * KIB)
    expect(memoryOf(buffer)).toBe(memoryOf(taker()))
  })

  test('is at most 64 KiB for a reader who keeps what it gets, though one before it had more', () => {
    const buffer = taker()
    grow(buffer)
    expect(memoryOf(buffer).length).toBe(LARGE)
    buffer.direct = true
    grow(buffer)
    expect(memoryOf(buffer).length).toBe(HUGE)
    buffer.direct = false
    read(buffer, HUGE)
    expect(memoryOf(buffer).length).toBe(LARGE)
    buffer.release()
  })

  test('is 144 KiB for 64 connections at most, and for the next when one of them is closed', () => {
    const all = Array.from({ length: 70 }, () => taker(true))
    for (const buffer of all) grow(buffer)
    const lengths = (): number[] => all.map((buffer) => memoryOf(buffer).length)
    expect(lengths()).toEqual([...Array(64).fill(HUGE), ...Array(6).fill(LARGE)])
    all[0]?.release()
    // A chunk that is still on its way when its connection closes leaves its place as well.
    const lender = all[1] as ReadBuffer
    lender.onData = keep
    read(lender, HUGE)
    lender.release()
    for (const buffer of all.slice(64)) grow(buffer)
    expect(lengths().slice(64)).toEqual([HUGE, HUGE, LARGE, LARGE, LARGE, LARGE])
    for (const buffer of all.slice(2)) buffer.release()
  })

  test.each([
    [LARGE, false],
    [HUGE, true],
  ])('of %i bytes is never given to another connection while a chunk of it is on loan', (bytes, direct) => {
    const lender = taker(direct)
    grow(lender)
    const lent = memoryOf(lender)
    expect(lent.length).toBe(bytes)
    lender.onData = keep
    expect(read(lender, bytes)).toBe(false)
    expect(lender.kept).toBe(true)
    lender.release()
    const others = Array.from({ length: 100 }, () => taker(direct))
    for (const other of others) grow(other)
    expect(others.some((other) => memoryOf(other).buffer === lent.buffer)).toBe(false)
    for (const other of others) other.release()
  })

  test('is read into again when the loan of a kept chunk has ended, and not before', () => {
    const buffer = taker()
    grow(buffer)
    let loan: Loan | undefined
    let freed = 0
    buffer.onFree = () => freed++
    buffer.onData = (chunk, its) => {
      loan = its
      return keep(chunk, its)
    }
    expect(read(buffer, LARGE)).toBe(false)
    expect([buffer.kept, freed]).toEqual([true, 0])
    loan?.end()
    loan?.end()
    expect([buffer.kept, freed]).toEqual([false, 1])
    buffer.release()
  })

  test('is used again by another connection once it is given back', () => {
    const first = taker()
    grow(first)
    const memory = memoryOf(first)
    first.release()
    const second = taker()
    grow(second)
    expect(memoryOf(second)).toBe(memory)
  })
})

import type { ReuseProof } from '@relay/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LengthPrefixedOptions, lengthPrefixed } from '../../src/rules/length-prefixed.js'

function after(
  options: LengthPrefixedOptions,
  up: readonly number[],
  down: readonly number[] = [],
): ReuseProof {
  const proof = lengthPrefixed(options).open()
  proof.up(Buffer.from(up))
  if (down.length > 0) proof.down(Buffer.from(down))
  return proof
}

type Layout = { [Name in keyof LengthPrefixedOptions]-?: NonNullable<LengthPrefixedOptions[Name]> }

/** Netty's `LengthFieldBasedFrameDecoder.decode`, on all bytes at once: the end of the first frame, or what is wrong with it. */
function nettyFrameEnd(options: Layout, bytes: Buffer): number | 'more' | 'corrupt' | 'long' {
  const { lengthFieldOffset, lengthFieldLength, lengthAdjustment, initialBytesToStrip, maxFrameLength } =
    options
  const lengthFieldEndOffset = lengthFieldOffset + lengthFieldLength
  if (bytes.length < lengthFieldEndOffset) return 'more'
  let frameLength =
    lengthFieldLength === 8
      ? bytes.readBigInt64BE(lengthFieldOffset)
      : BigInt(bytes.readUIntBE(lengthFieldOffset, lengthFieldLength))
  if (frameLength < 0n) return 'corrupt'
  frameLength += BigInt(lengthAdjustment + lengthFieldEndOffset)
  if (frameLength < BigInt(lengthFieldEndOffset)) return 'corrupt'
  if (frameLength > BigInt(maxFrameLength)) return 'long'
  if (BigInt(bytes.length) < frameLength)
    return BigInt(initialBytesToStrip) > frameLength ? 'corrupt' : 'more'
  return BigInt(initialBytesToStrip) > frameLength ? 'corrupt' : Number(frameLength)
}

describe('lengthPrefixed(): frames', () => {
  // The examples of LengthFieldBasedFrameDecoder's documentation, all with the body "HELLO, WORLD".
  const body = [...Buffer.from('HELLO, WORLD')]
  const examples: ReadonlyArray<readonly [LengthPrefixedOptions, readonly number[]]> = [
    [{ lengthFieldLength: 2 }, [0, 12]],
    [{ lengthFieldLength: 2, initialBytesToStrip: 2 }, [0, 12]],
    [{ lengthFieldLength: 2, lengthAdjustment: -2 }, [0, 14]],
    [{ lengthFieldOffset: 2, lengthFieldLength: 3 }, [0xca, 0xfe, 0, 0, 12]],
    [{ lengthFieldLength: 3, lengthAdjustment: 2 }, [0, 0, 12, 0xca, 0xfe]],
    [
      { lengthFieldOffset: 1, lengthFieldLength: 2, lengthAdjustment: 1, initialBytesToStrip: 3 },
      [0xca, 0, 12, 0xfe],
    ],
    [
      { lengthFieldOffset: 1, lengthFieldLength: 2, lengthAdjustment: -3, initialBytesToStrip: 3 },
      [0xca, 0, 16, 0xfe],
    ],
  ]
  for (const [options, header] of examples) {
    it(`end where Netty ends them with ${JSON.stringify(options)}`, () => {
      const frame = [...header, ...body]
      const proof = after(options, frame.slice(0, -1))
      expect(proof.state).toBe('partial')
      proof.up(Buffer.from(frame.slice(-1)))
      expect(proof.state).toBe('busy')
      expect(proof.down(Buffer.from(frame.slice(0, -1)))).toBe(true)
      expect(proof.state).toBe('busy')
      expect(proof.down(Buffer.from([...frame.slice(-1)]))).toBe(true)
      expect(proof.state).toBe('idle')
      expect(proof.down(Buffer.from([0]))).toBe(false)
      expect(proof.state).toBe('tainted')
    })
  }

  it('have a length of 1, 2, 3, 4 or 8 bytes, big-endian', () => {
    for (const lengthFieldLength of [1, 2, 3, 4, 8]) {
      const header = [...Array<number>(lengthFieldLength - 1).fill(0), 2]
      expect(after({ lengthFieldLength }, [...header, 7]).state).toBe('partial')
      expect(after({ lengthFieldLength }, [...header, 7, 7], header).state).toBe('busy')
      expect(after({ lengthFieldLength }, [...header, 7, 7], [...header, 7, 7]).state).toBe('idle')
    }
  })

  it('are refused when their length is negative, or says that they end before it', () => {
    for (const [options, header] of [
      [{ lengthFieldLength: 8 }, [0x80, 0, 0, 0, 0, 0, 0, 0]],
      [
        { lengthFieldLength: 8, lengthAdjustment: -(2 ** 31 - 1) },
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      ],
      [{ lengthFieldLength: 1, lengthAdjustment: -2 }, [1]],
      [{ lengthFieldLength: 1, initialBytesToStrip: 5 }, [3]],
    ] as const) {
      expect(after(options, header).state).toBe('tainted')
      const good = [...Array<number>(options.lengthFieldLength - 1).fill(0), 9, ...Array<number>(9).fill(0)]
      const proof = after({ ...options, lengthAdjustment: 0, initialBytesToStrip: 0 }, good)
      expect(proof.state).toBe('busy')
      const asked = after(options, options.lengthFieldLength === 1 ? [9, ...Array<number>(9).fill(0)] : good)
      if (asked.state === 'busy') expect(asked.down(Buffer.from(header))).toBe(false)
      expect(asked.state).not.toBe('idle')
    }
  })

  it('are passed on when they are too long, but the connection is not shared', () => {
    const options = { lengthFieldLength: 8, maxFrameLength: 16 }
    const header = [0, 0, 0, 0, 0, 0, 0, 8]
    const whole = [...header, 1, 2, 3, 4, 5, 6, 7, 8]
    expect(after(options, whole, whole).state).toBe('idle')
    for (const long of [
      [0, 0, 0, 0, 0, 0, 0, 9],
      [0, 32, 0, 0, 0, 0, 0, 0],
      [0x7f, 255, 255, 255, 255, 255, 255, 255],
    ]) {
      const asked = after(options, long)
      expect(asked.state).toBe('tainted')
      expect(asked.down(Buffer.from('anything'))).toBe(true)
      const answered = after(options, whole)
      expect(answered.down(Buffer.from(long))).toBe(true)
      expect(answered.state).toBe('tainted')
    }
  })

  it('never answer half a request', () => {
    const proof = after({ lengthFieldLength: 1 }, [3, 1])
    expect(proof.down(Buffer.from([0]))).toBe(false)
    expect(proof.state).toBe('tainted')
  })
})

describe('lengthPrefixed(): boundaries', () => {
  const layout = fc
    .record({
      lengthFieldOffset: fc.nat(3),
      lengthFieldLength: fc.constantFrom(1, 2, 3, 4, 8),
      lengthAdjustment: fc.integer({ min: -12, max: 4 }),
      initialBytesToStrip: fc.nat(12),
      maxFrameLength: fc.integer({ min: 12, max: 40 }),
    })
    .filter(({ lengthFieldOffset, lengthFieldLength, maxFrameLength }) => {
      return lengthFieldOffset + lengthFieldLength <= maxFrameLength
    })
  const frame = fc.record({
    body: fc.nat(20),
    fill: fc.nat(255),
    wrong: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer()),
  })

  /** A frame that has that body, or a header that is off. */
  function built(
    layout: Layout,
    { body, fill, wrong }: { body: number; fill: number; wrong: number },
  ): Buffer {
    const { lengthFieldOffset, lengthFieldLength, lengthAdjustment } = layout
    const length = Buffer.alloc(8)
    length.writeBigInt64BE(BigInt(body - lengthAdjustment) + BigInt(wrong) * 2n ** 31n)
    const header = [Buffer.alloc(lengthFieldOffset, fill), length.subarray(8 - lengthFieldLength)]
    return Buffer.concat([...header, Buffer.alloc(body, fill)])
  }

  it('are those of a decoder written after Netty, at every byte of any stream', () => {
    let frames = 0
    fc.assert(
      fc.property(layout, fc.array(frame, { minLength: 1, maxLength: 6 }), (options, list) => {
        const stream = Buffer.concat(list.map((one) => built(options, one)))
        const proof = lengthPrefixed(options).open()
        let start = 0
        for (let at = 1; at <= stream.length; at++) {
          proof.up(stream.subarray(at - 1, at))
          const end = nettyFrameEnd(options, stream.subarray(start, at))
          if (typeof end === 'number') {
            frames++
            start += end
          }
          const wrong = end === 'corrupt' || end === 'long'
          expect(proof.state).toBe(wrong ? 'tainted' : end === 'more' ? 'partial' : 'busy')
          if (wrong) return
        }
        // However it is cut, the same.
        const whole = lengthPrefixed(options).open()
        whole.up(stream)
        expect(whole.state).toBe(proof.state)
      }),
      { numRuns: 3_000 },
    )
    expect(frames).toBeGreaterThan(1_000)
  })
})

describe('lengthPrefixed(): options', () => {
  it('are named when they are wrong', () => {
    const wrong: readonly LengthPrefixedOptions[] = [
      ...[-1, 0.5, Number.NaN].map((lengthFieldOffset) => ({ lengthFieldOffset })),
      ...[0, 5, 6, 7, 9].map((lengthFieldLength) => ({ lengthFieldLength })),
      ...[0.5, 2 ** 31, -(2 ** 31)].map((lengthAdjustment) => ({ lengthAdjustment })),
      ...[-1, 0.5].map((initialBytesToStrip) => ({ initialBytesToStrip })),
      ...[0, -1, 2 ** 31].map((maxFrameLength) => ({ maxFrameLength })),
    ]
    for (const options of wrong) {
      const [name] = Object.keys(options)
      expect(() => lengthPrefixed(options), JSON.stringify(options)).toThrow(new RegExp(`option "${name}"`))
      expect(() => lengthPrefixed(options)).toThrow(RangeError)
    }
    expect(() => lengthPrefixed({ maxFrameLength: '9' } as never)).toThrow(TypeError)
    expect(() => lengthPrefixed({ byteOrder: 'little' } as never)).toThrow(/unknown option "byteOrder"/)
  })

  it('have to leave room for the header in the longest frame', () => {
    expect(() => lengthPrefixed({ maxFrameLength: 3 })).toThrow(/"lengthFieldOffset" to be at most -1/)
    expect(() => lengthPrefixed({ lengthFieldOffset: 5, maxFrameLength: 8 })).toThrow(RangeError)
    expect(() => lengthPrefixed({ initialBytesToStrip: 9, maxFrameLength: 8 })).toThrow(
      /"initialBytesToStrip"/,
    )
    expect(lengthPrefixed({ lengthFieldOffset: 4, initialBytesToStrip: 8, maxFrameLength: 8 }).name).toBe(
      'lengthPrefixed',
    )
  })
})

import type { Transform, TransformOptions } from 'node:stream'
import {
  type BrotliOptions,
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createDeflate,
  createGunzip,
  createGzip,
  createInflate,
  type ZlibOptions,
} from 'node:zlib'
import { checkOptions, count, oneOf } from '../options.js'
import { flushable, type Stage, type StepFunction, type Steps } from '../stage.js'

export interface CompressOptions {
  /** @default 'gzip' */
  readonly algorithm?: 'gzip' | 'deflate' | 'brotli' | undefined
  /**
   * How hard to try: 0 to 9, for brotli 0 to 11.
   * @default 6, for brotli 4
   */
  readonly level?: number | undefined
}

/**
 * Compresses what goes to the upstream and decompresses what comes back: with a {@link decompress} on the other end, a tunnel.
 *
 * Each chunk is flushed, so that a small message is never held back for a larger one. **Fails** when what comes back is not
 * compressed so. **Keeps** the memory of its algorithm, some 256 KiB a session and direction, beside the bytes.
 */
export function compress(options: CompressOptions = {}): Stage {
  const { pack, unpack } = codec('compress', options)
  return { name: 'compress', up: pack, down: unpack }
}

/** The other end of {@link compress}: decompresses what goes to the upstream and compresses what comes back. */
export function decompress(options: CompressOptions = {}): Stage {
  const { pack, unpack } = codec('decompress', options)
  return { name: 'decompress', up: unpack, down: pack }
}

// Set on every Node version: 22 and later would keep four times as much.
const STREAM: ZlibOptions & BrotliOptions & TransformOptions = { highWaterMark: 16 * 1024 }

function codec(owner: string, options: CompressOptions): { pack(): Steps; unpack(): Steps } {
  checkOptions(owner, options, { algorithm: oneOf('gzip', 'deflate', 'brotli'), level: count })
  const { algorithm = 'gzip', level = algorithm === 'brotli' ? 4 : 6 } = options
  const highest = algorithm === 'brotli' ? 11 : 9
  if (level > highest) {
    throw new RangeError(
      `${owner}: expected option "level" to be from 0 to ${highest} for ${algorithm}, got ${level}`,
    )
  }
  const zlib = { ...STREAM, level, flush: constants.Z_SYNC_FLUSH }
  const brotli = {
    ...STREAM,
    flush: constants.BROTLI_OPERATION_FLUSH,
    params: { [constants.BROTLI_PARAM_QUALITY]: level },
  }
  const pack = {
    gzip: () => createGzip(zlib),
    deflate: () => createDeflate(zlib),
    brotli: () => createBrotliCompress(brotli),
  }[algorithm]
  const unpack = {
    gzip: () => createGunzip(STREAM),
    deflate: () => createInflate(STREAM),
    brotli: () => createBrotliDecompress(STREAM),
  }[algorithm]
  return { pack: () => nothingFromNothing(pack()), unpack: () => nothingBehind(nothingFromNothing(unpack())) }
}

interface Zlib extends Transform {
  /** How many bytes it has used of those that it was given. */
  readonly bytesWritten: number
}

// A direction in which no byte goes has none on the other side either: no header without a body, and no complaint about a missing one.
function nothingFromNothing<Codec extends Zlib>(stream: Codec): Codec {
  const flush = stream._flush.bind(stream)
  stream._flush = (done) => (stream.bytesWritten === 0 ? done() : flush(done))
  return stream
}

// Zlib throws away what comes behind the end of a compressed stream: those bytes would be lost, and nobody told.
function nothingBehind(stream: Zlib): Steps {
  let given = 0
  const counted: StepFunction = (chunk) => {
    given += chunk.length
    return chunk
  }
  const checked = flushable(
    (chunk) => chunk,
    () => {
      if (stream.bytesWritten < given) throw new Error('bytes came behind the end of what was compressed')
    },
  )
  return [counted, stream, checked]
}

import type { ReuseProof } from '@relay/core'
import { http1 } from '../../src/rules/http1.js'

export interface Message {
  readonly fields?: readonly string[] | undefined
  readonly body?: string | Buffer | undefined
  /** The body comes in chunks of these many bytes instead of by its length. */
  readonly chunks?: readonly number[] | undefined
  /** Behind each size. */
  readonly extension?: string | undefined
  readonly trailer?: readonly string[] | undefined
}

/** A request in canonical form; a body brings its framing with it. */
export function request(line: string, message: Message = {}): Buffer {
  return built(`${line} HTTP/1.1`, { ...message, fields: ['Host: h', ...(message.fields ?? [])] })
}

/** An answer in canonical form, `Content-Length: 0` if nothing else is said. */
export function answer(status: number | string, message: Message = {}): Buffer {
  const bodiless = typeof status === 'number' && (status < 200 || status === 204 || status === 304)
  return built(`HTTP/1.1 ${status} Some Reason`, bodiless ? message : { body: '', ...message })
}

export const get: Buffer = request('GET /')
export const ok: Buffer = answer(200, { body: 'ok' })

function built(line: string, { fields = [], body, chunks, extension = '', trailer = [] }: Message): Buffer {
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const framing =
    bytes === undefined
      ? []
      : [chunks === undefined ? `Content-Length: ${bytes.length}` : 'Transfer-Encoding: chunked']
  const head = Buffer.from(`${[line, ...fields, ...framing].join('\r\n')}\r\n\r\n`, 'latin1')
  if (bytes === undefined) return head
  if (chunks === undefined) return Buffer.concat([head, bytes])
  return Buffer.concat([head, chunked(bytes, chunks, extension, trailer)])
}

function chunked(bytes: Buffer, sizes: readonly number[], extension: string, trailer: readonly string[]) {
  const parts: Buffer[] = []
  let from = 0
  for (const size of [...sizes, bytes.length]) {
    const piece = bytes.subarray(from, from + size)
    from += piece.length
    if (piece.length === 0) continue
    parts.push(Buffer.from(`${piece.length.toString(16)}${extension}\r\n`), piece, Buffer.from('\r\n'))
  }
  const end = ['0', ...trailer].map((text) => `${text}\r\n`).join('')
  return Buffer.concat([...parts, Buffer.from(`${end}\r\n`)])
}

export function open(): ReuseProof {
  return http1().open()
}

/** A proof that has seen these requests sent and these bytes received, each whole. */
export function after(up: string | Buffer, down: string | Buffer): ReuseProof {
  const proof = open()
  proof.up(bytesOf(up))
  proof.down(bytesOf(down))
  return proof
}

export function bytesOf(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text
}

/** Feeds byte by byte; what `down` said of the last one. */
export function slowly(proof: ReuseProof, direction: 'up' | 'down', bytes: string | Buffer): boolean {
  let delivered = true
  for (const byte of bytesOf(bytes)) {
    if (direction === 'up') proof.up(Buffer.from([byte]))
    else delivered = proof.down(Buffer.from([byte]))
  }
  return delivered
}

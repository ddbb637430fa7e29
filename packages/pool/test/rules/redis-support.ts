import { type Runtime, Session } from 'node:inspector'
import type { ReuseProof } from '@relay/core'
import { redis } from '../../src/rules/redis.js'

/** A request in canonical form. */
export function command(...parts: readonly (string | Buffer)[]): Buffer {
  const bulks = parts.map((part) => {
    const body = Buffer.from(part)
    return Buffer.concat([Buffer.from(`$${body.length}\r\n`), body, Buffer.from('\r\n')])
  })
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...bulks])
}

/** A command line without values that contain spaces. */
export function line(text: string): Buffer {
  return command(...text.split(' '))
}

// To make the rule takes a thousand times as long as to open a proof.
const rule = redis()

export function open(): ReuseProof {
  return rule.open()
}

/** A proof that has seen these requests sent and these bytes received, each whole. */
export function after(up: string | Buffer, down: string | Buffer): ReuseProof {
  const proof = open()
  proof.up(Buffer.from(up))
  proof.down(Buffer.from(down))
  return proof
}

/** A fresh connection that was switched to RESP3 and is idle but dirty. */
export function openResp3(): ReuseProof {
  const proof = after(line('HELLO 3'), '%1\r\n$5\r\nproto\r\n:3\r\n')
  if (proof.state !== 'dirty') throw new Error(`not dirty but ${proof.state}`)
  return proof
}

/** The bytes in pieces that end at these offsets. */
export function cut(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const ends = [...new Set(offsets.map((offset) => offset % (bytes.length + 1)))].sort((a, b) => a - b)
  const pieces: Buffer[] = []
  let from = 0
  for (const to of [...ends, bytes.length]) {
    pieces.push(bytes.subarray(from, to))
    from = to
  }
  return pieces
}

/** States in which a pool would keep the connection. */
export function isKept(proof: ReuseProof): boolean {
  return proof.state === 'idle' || proof.state === 'dirty'
}

/** What an object keeps in its private fields, all the way down: names, types, and the lengths of lists. */
export function shapeOf(object: object): Record<string, unknown> {
  const session = new Session()
  session.connect()
  try {
    Object.assign(globalThis, { inspected: object })
    let shape: Record<string, unknown> = {}
    session.post('Runtime.evaluate', { expression: 'globalThis.inspected' }, (_error, { result }) => {
      shape = fieldsOf(session, result.objectId ?? '')
    })
    return shape
  } finally {
    session.disconnect()
  }
}

interface Field {
  name: string
  value?: Runtime.RemoteObject
}

function fieldsOf(session: Session, objectId: string): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  session.post('Runtime.getProperties', { objectId, ownProperties: true }, (_error, answer) => {
    // Missing from the declarations.
    const { privateProperties = [] } = answer as { privateProperties?: Field[] }
    for (const { name, value } of [...answer.result, ...privateProperties] as Field[]) {
      if (value === undefined || name === '__proto__') continue
      if (value.type !== 'object') fields[name] = value.type
      else if (value.className === 'Array' || value.subtype === 'typedarray') fields[name] = value.description
      else fields[name] = fieldsOf(session, value.objectId ?? '')
    }
  })
  return fields
}

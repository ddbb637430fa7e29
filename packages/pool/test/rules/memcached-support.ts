import type { ReuseProof } from '@relay/core'
import { memcached } from '../../src/rules/memcached.js'

export function open(): ReuseProof {
  return memcached().open()
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A proof that has seen these requests sent and these bytes received, each whole. */
export function after(up: string, down = ''): ReuseProof {
  const proof = open()
  proof.up(bytes(up))
  if (down !== '') proof.down(bytes(down))
  return proof
}

/** Feeds an answer. */
export function receive(proof: ReuseProof, text: string): boolean {
  return proof.down(bytes(text))
}

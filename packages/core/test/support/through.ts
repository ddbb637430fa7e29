import { PassThrough } from 'node:stream'
import { many, type Stage, type Steps } from '../../src/stage.js'

const both = (name: string, make: () => Steps): Stage => ({ name, up: make, down: make })
/** Stages that let everything pass, by how they are made: they must change nothing. */
export const THROUGH: Readonly<Record<string, readonly Stage[]>> = {
  'no stage': [],
  functions: [
    both('one', () => (chunk) => chunk),
    both('two', () => [(chunk) => many([chunk]), (chunk) => chunk]),
  ],
  streams: [both('stream', () => new PassThrough()), both('another', () => new PassThrough())],
  asynchronous: [
    both('promise', () => async (chunk) => chunk),
    both(
      'generator',
      () =>
        async function* (chunk) {
          yield chunk
        },
    ),
  ],
}

import type { Stage } from '../stage.js'

/** Lets everything pass: the smallest stage there is, to start one's own from. */
export function passThrough(): Stage {
  return {
    name: 'pass',
    up: () => (chunk) => chunk,
    down: () => (chunk) => chunk,
  }
}

import { Channel, type Undelivered } from '../../src/channel.js'

type Lost = [item: unknown, why: Undelivered]

/** A channel, and what it reports undelivered. */
export function recording<T>(
  capacity: number,
  order?: 'fifo' | 'lifo',
): { channel: Channel<T>; lost: Lost[] } {
  const lost: Lost[] = []
  const channel = new Channel<T>({ capacity, order, onUndelivered: (item, why) => lost.push([item, why]) })
  return { channel, lost }
}

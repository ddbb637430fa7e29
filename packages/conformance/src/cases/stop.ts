import { setTimeout as sleep } from 'node:timers/promises'
import type { Case } from '../case.js'
import { both, judge } from '../judge.js'

const KIB = 1024

/** A relay that is stopped by force cuts its sessions, and what it cuts must not look whole. */
export const stopCases: readonly Case[] = [
  {
    id: 'stop-forced',
    claim:
      'the relay gets SIGTERM twice, 300 ms apart, between two parts of an answer: both sides see a reset',
    alone: true,
    stopsRelay: true,
    async run(arena) {
      const { client, server } = await arena.session()
      client.send(KIB)
      await server.arrived(KIB)
      server.send(64 * KIB)
      await client.arrived(64 * KIB)
      arena.stopRelay()
      await sleep(300)
      arena.stopRelay()
      return both(
        await judge('client', client, { atLeast: 64 * KIB, ending: 'reset' }),
        await judge('server', server, { atLeast: KIB, ending: 'reset' }),
      )
    },
  },
]

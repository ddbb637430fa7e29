import { expect, test } from 'vitest'
import { portOf, spawnRelay } from '../support/spawn-relay.js'
import { PeerProcess } from './support/peer-process.js'
import { figures, sized } from './support/size.js'

const ROUNDS = sized(1, 20)
const TRANSFERS = sized(20, 200)
const BYTES = 16 * 1024 * 1024

let whole = 0

test.each(Array.from({ length: ROUNDS }, (_, index) => index + 1))(
  `SIGTERM during ${TRANSFERS} transfers of 16 MiB cuts none: round %i of ${ROUNDS}`,
  async (round) => {
    const upstream = new PeerProcess([], 'transfers.mjs', 'upstream')
    const relay = spawnRelay('forward', '0', `${await upstream.number('port')}`, '--drain', '10m')
    const port = portOf((await relay.err.message('listening')).listen)
    const clients = new PeerProcess([], 'transfers.mjs', 'clients', port, TRANSFERS, BYTES)
    await clients.says('underWay')
    relay.child.kill('SIGTERM')
    expect(await relay.err.message('draining')).toMatchObject({ active: TRANSFERS })
    await clients.tell('finish')
    expect(await clients.says('whole')).toEqual({ whole: TRANSFERS, wrong: [] })
    expect(await relay.exit).toBe(0)
    const [up, down] = [Math.ceil(TRANSFERS / 2), Math.floor(TRANSFERS / 2)]
    const headers = TRANSFERS * 8
    expect(await relay.err.message('stopped')).toMatchObject({
      accepted: TRANSFERS,
      closed: { 'client-end': up, 'upstream-end': down },
      up: up * BYTES + headers,
      down: down * BYTES + up * 'whole'.length,
    })
    whole += TRANSFERS
    if (round === ROUNDS)
      figures('SIGTERM during transfers of 16 MiB', `${whole} of ${ROUNDS * TRANSFERS} whole`)
  },
)

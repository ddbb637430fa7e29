import { connect, type NetConnectOpts } from 'node:net'
import type { SoakSession } from './soak-session.js'

// Far beyond what any session takes, on a busy machine too.
const PATIENCE_MS = 30_000

/** Plays the client of a session; resolves when its socket is closed. @param vouches - Leaves only when the whole answer is sent. */
export function playClient(
  session: SoakSession,
  address: NetConnectOpts,
  options: {
    readonly vouches: boolean
    readonly onConnect: () => void
    afterOthers(count: number, then: () => void): void
  },
): Promise<void> {
  const { plan, request } = session
  const socket = connect({ ...address, allowHalfOpen: true, noDelay: true })
  let acted = false
  let read = 0
  const total = session.length.down

  const leave = (): void => {
    acted = true
    session.onAnswered = () => {}
    if (!plan.partial && plan.first < request.length) socket.write(request.subarray(plan.first))
    if (plan.leaving === 'early-fin') socket.end()
    else if (plan.leaving === 'fin') endWhenWhole()
    else return goAway()
    if (session.stuck) options.afterOthers(plan.dwell, () => socket.destroyed || readOn())
  }
  const goAway = (): void => {
    session.ending = 'gone'
    // A unix socket knows no reset.
    if (plan.leaving === 'reset' && 'port' in address) socket.resetAndDestroy()
    else socket.destroy()
  }
  const endWhenWhole = (): void => {
    if (acted && read >= total && plan.leaving === 'fin' && !plan.upstreamFirst) socket.end()
  }
  const leaveInTime = (): void => {
    if (acted || read < plan.leaveAt) return
    if (options.vouches && plan.leaving !== 'fin' && !session.answered) return
    leave()
  }
  const readOn = (): void => {
    socket.on('data', (chunk) => {
      session.check('down', chunk)
      read += chunk.length
      if (!session.stuck) leaveInTime()
      endWhenWhole()
    })
    socket.resume()
  }

  const readAtOnce = (): void => {
    session.onAnswered = leaveInTime
    readOn()
    leaveInTime()
  }

  socket.once('connect', () => {
    options.onConnect()
    socket.write(request.subarray(0, plan.first))
    if (!plan.late) return readAtOnce()
    socket.pause()
    session.whenStill(() => (session.stuck ? leave() : readAtOnce()))
  })
  socket.once('end', () => {
    if (session.ending === 'open') session.ending = 'fin'
    socket.end()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (session.ending === 'open') session.ending = error.code === 'ECONNRESET' ? 'reset' : String(error.code)
  })
  const patience = setTimeout(() => {
    session.hung = true
    socket.destroy()
  }, PATIENCE_MS)
  return new Promise((resolve) => {
    socket.once('close', () => {
      if (session.ending === 'open') session.ending = 'closed'
      clearTimeout(patience)
      session.clientOver()
      resolve()
    })
  })
}

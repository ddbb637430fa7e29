import { connect, type NetConnectOpts } from 'node:net'
import type { SoakSession } from './soak-session.js'

// Far beyond what any session takes, on a busy machine too.
const PATIENCE_MS = 30_000
const PIECE_BYTES = 64 * 1024

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
  let late = plan.late
  let acted = false
  let said = false
  let written = 0
  let read = 0
  const total = session.length.down

  const write = (to: number): void => {
    // Of a request that gets stuck piece by piece: each that the kernel takes shows that it moves.
    const until = plan.held ? Math.min(to, written + PIECE_BYTES) : to
    const piece = request.subarray(written, until)
    written = until
    if (plan.held) session.moved()
    if (until === to) socket.write(piece)
    else return void socket.write(piece, () => socket.destroyed || write(to))
    endWhenWhole()
    if (session.ending === 'fin') socket.end()
  }
  const sayGoodbye = (): void => {
    const { farewell } = session
    if (farewell === undefined) socket.end()
    else if (!said && session.ending === 'open') socket.write(farewell.request)
    said = true
  }
  const leave = (): void => {
    acted = true
    session.onAnswered = () => {}
    if (!plan.partial && plan.first < request.length) write(request.length)
    if (plan.leaving === 'early-fin') sayGoodbye()
    else if (plan.leaving === 'fin') endWhenWhole()
    else return goAway()
    if (late) options.afterOthers(plan.dwell, () => socket.destroyed || readOn())
  }
  const goAway = (): void => {
    session.ending = 'gone'
    // A unix socket knows no reset.
    if (plan.leaving === 'reset' && 'port' in address) socket.resetAndDestroy()
    else socket.destroy()
  }
  const endWhenWhole = (): void => {
    const whole = read >= total && written === request.length
    if (acted && whole && plan.leaving === 'fin' && !plan.upstreamFirst) sayGoodbye()
  }
  // Who goes on before all of an answer is with the kernel breaks the word on which its connection is shared.
  const mayLeave = (): boolean => !options.vouches || plan.leaving === 'fin' || session.answered
  const leaveInTime = (): void => {
    if (!acted && read >= plan.leaveAt && mayLeave()) leave()
  }
  const readOn = (): void => {
    socket.on('data', (chunk) => {
      session.check('down', chunk)
      read += chunk.length
      if (!late) leaveInTime()
      endWhenWhole()
    })
    socket.resume()
  }

  const readAtOnce = (): void => {
    late = false
    session.onAnswered = leaveInTime
    readOn()
    leaveInTime()
  }

  socket.once('connect', () => {
    options.onConnect()
    write(plan.first)
    if (!plan.late) return readAtOnce()
    socket.pause()
    session.whenStill(() => (session.stuck && mayLeave() ? leave() : readAtOnce()))
  })
  socket.once('end', () => {
    if (session.ending === 'open') session.ending = 'fin'
    if (!plan.held || written === request.length) socket.end()
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

import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/** Sends the text and a FIN, and resolves with all that comes back. */
export function ask(where: number | string, question: string): Promise<string> {
  const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where)
  socket.end(question)
  return text(socket)
}

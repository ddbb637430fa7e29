import type { LineSink } from '../line-sink.js'

/** Shows what `read` returns: one line that is refreshed on a terminal, else a line a second at most, when it has changed. */
export function statusLine(
  sink: Pick<LineSink, 'columns' | 'isTTY' | 'write'>,
  read: () => string,
): { stop(): void } {
  let shown = ''
  const show = (): void => {
    const text = read()
    if (text === shown) return
    shown = text
    sink.write(sink.isTTY ? `\r\u001b[2K${text.slice(0, sink.columns - 1)}` : `${text}\n`)
  }
  show()
  const timer = setInterval(show, sink.isTTY ? 200 : 1_000)
  return {
    stop() {
      clearInterval(timer)
      show()
      if (sink.isTTY) sink.write('\n')
    },
  }
}

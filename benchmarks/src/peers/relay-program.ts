import { formatAddress } from '../processes/free-port.js'
import { repositoryFile } from '../repository-file.js'
import type { PeerProgram } from './peer-program.js'

/** The command as it is installed, with its defaults and these flags; of this checkout, or of another one, by its `file`. */
export function relayProgram(
  id: string,
  name: string,
  flags: readonly string[],
  file: string = repositoryFile('packages/cli/bin/relay.js'),
): PeerProgram {
  return {
    id,
    name,
    ours: true,
    command: process.execPath,
    speaksTls: true,
    version: { command: process.execPath, args: ['--version'], pattern: /v(\d[\d.]*)/ },
    start: ({ listen, upstream, tls }) => ({
      args: [
        file,
        'forward',
        formatAddress(listen),
        tls ? `tls://${formatAddress(upstream)}` : formatAddress(upstream),
        ...['--access-log', 'off'],
        ...flags,
      ],
      ...(tls && { env: { NODE_EXTRA_CA_CERTS: tls.authorityFile } }),
    }),
  }
}

import { Child } from '../../real/support/child.js'
import { program } from '../../real/support/programs.js'

/** What {@link ownNetwork} is made of, for `describeWith`. */
export const NETWORK_PROGRAMS: readonly string[] = ['unshare', 'nsenter', 'ip']

// By default the kernel's buffers of two connections grow until they swallow most of what a test offers.
const SMALL_BUFFERS = { tcp_rmem: '4096 65536 131072', tcp_wmem: '4096 16384 131072' }

const SETTINGS = Object.entries(SMALL_BUFFERS).map(
  ([name, value]) => `echo '${value}' >/proc/sys/net/ipv4/${name}`,
)

/**
 * A network namespace with a loopback of its own, small kernel buffers and all ports; it is gone when the test is over. Resolves with
 * the command that runs another one in it.
 */
export async function ownNetwork(): Promise<readonly string[]> {
  const setUp = [`${program('ip')} link set lo up`, ...SETTINGS, 'echo ready', 'exec sleep infinity'].join(
    ' && ',
  )
  const holder = new Child(program('unshare'), ['--map-root-user', '--net', 'sh', '-c', setUp])
  await holder.printed(({ stdout }) => stdout.includes('ready'))
  return [program('nsenter'), `--target=${holder.pid}`, '--user', '--net', '--preserve-credentials']
}

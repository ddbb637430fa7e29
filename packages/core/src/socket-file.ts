import cluster from 'node:cluster'
import { createHash, randomBytes } from 'node:crypto'
import { type BigIntStats, lstatSync, unlinkSync } from 'node:fs'
import { chmod, link, lstat, stat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_PATH_BYTES } from './address.js'
import { codeOf } from './file-calls.js'

// Between bind and listen the socket of another program refuses, too.
const SECOND_LOOK_MS = 50
const MAX_TRIES = 20
// A starter needs milliseconds.
const CLAIM_MS = 5_000

// A number may be used again; the time at which a socket was made is another one then.
type Identity = Pick<BigIntStats, 'dev' | 'ino' | 'mtimeNs'>

/** Those of this process, for its end. */
const own = new Set<SocketFile>()

/**
 * The file of a unix socket that is to listen at a path.
 *
 * Node unlinks by its name what it has bound, whoever has bound that name since. So the socket is bound to a name of its own, gets its
 * mode there, and then its path, by `link`, which takes the place of nobody:
 *
 * ```text
 *   bound ──publish()──▶ the path is free ───────────────────────────────▶ at its path ──remove()──▶ gone, if it is still this one
 *              │         a socket that refuses twice: taken away, again ─┘
 *              └──────── one that does not, another file ──▶ fails
 * ```
 *
 * In a worker of `node:cluster`, whose primary binds for all: the first worker publishes, and the file is not removed, for nobody knows
 * here whether others still listen. The next one to listen takes it away.
 */
export class SocketFile {
  readonly path: string
  /** What to bind. */
  readonly boundPath: string
  #identity: Identity | undefined

  constructor(path: string) {
    this.path = path
    this.boundPath = nameBeside(path)
  }

  /** What is at the path now, for a primary, which removes what its first worker has published. */
  static at(path: string): SocketFile {
    const file = new SocketFile(path)
    file.#identity = lstatSync(path, { bigint: true, throwIfNoEntry: false })
    return file
  }

  /**
   * Gives the bound socket its path.
   *
   * **Fails** with `EADDRINUSE` where somebody listens, `EEXIST` where a file is that is no socket, or with the system's error.
   */
  async publish(mode: number | undefined): Promise<void> {
    const { boundPath } = this
    try {
      if (mode !== undefined) await chmod(boundPath, mode)
      const identity = await lstat(boundPath, { bigint: true })
      await this.#takePath()
      await unlink(boundPath)
      if (cluster.isWorker) return
      this.#identity = identity
    } catch (error) {
      // Another worker was here before.
      if (cluster.isWorker && codeOf(error) === 'ENOENT') return
      throw error
    }
    if (own.size === 0) process.on('exit', removeAll)
    own.add(this)
  }

  /** Removes the file, if it is still the one that was published. */
  remove(): void {
    const identity = this.#identity
    this.#identity = undefined
    own.delete(this)
    if (own.size === 0) process.off('exit', removeAll)
    if (identity === undefined) return
    try {
      // Nothing comes between the two but another process.
      if (isSame(lstatSync(this.path, { bigint: true }), identity)) unlinkSync(this.path)
    } catch {
      // Whoever has removed it, or does not let us, has the folder.
    }
  }

  async #takePath(): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      try {
        return await link(this.boundPath, this.path)
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
      }
      await this.#makeWay()
    }
    throw failure('EADDRINUSE', `others are after ${this.path}, too`)
  }

  /** Takes away a socket that nobody listens on. */
  async #makeWay(): Promise<void> {
    const { path } = this
    const there = await lstat(path, { bigint: true }).catch(ifMissing)
    if (there === undefined) return
    if (!there.isSocket()) throw failure('EEXIST', `${path} is no socket, and is left alone`)
    if ((await isServed(path)) || (await sleep(SECOND_LOOK_MS).then(() => isServed(path)))) {
      throw failure('EADDRINUSE', `somebody listens on ${path}`)
    }
    await this.#removeStale(there)
  }

  /**
   * Of all that have found the same socket stale, one may remove it: who has made its second name, which is made of what it is. Nobody
   * else takes its path meanwhile, for `link` takes the place of nobody.
   */
  async #removeStale(stale: BigIntStats): Promise<void> {
    const { path } = this
    const claim = `${path}.${stale.ino}.stale`
    try {
      await link(path, claim)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return await yieldTo(claim)
      return ifMissing(error)
    }
    // Another one may have been there and done it, and what has the path now may live.
    if (isSame(await lstat(claim, { bigint: true }), stale)) {
      const now = await lstat(path, { bigint: true }).catch(ifMissing)
      if (now !== undefined && isSame(now, stale)) await unlink(path).catch(ifMissing)
    }
    await unlink(claim).catch(ifMissing)
  }
}

/** Lets another one finish; a name that is old is of one that was killed meanwhile. */
async function yieldTo(claim: string): Promise<void> {
  const made = await lstat(claim).catch(ifMissing)
  if (made !== undefined && Date.now() - made.ctimeMs > CLAIM_MS) await unlink(claim).catch(ifMissing)
  else await sleep(SECOND_LOOK_MS)
}

/** Why a path cannot be bound, where the folder is the reason: Node says EACCES for each of them. */
export async function folderFailure(path: string): Promise<Error | undefined> {
  const folder = dirname(path)
  try {
    if ((await stat(folder)).isDirectory()) return undefined
    return failure('ENOTDIR', `${folder} is no folder`)
  } catch (error) {
    const code = codeOf(error)
    return code === 'ENOENT' ? failure('ENOENT', `there is no folder ${folder}`) : undefined
  }
}

function removeAll(): void {
  for (const file of own) file.remove()
}

// Workers, and the primary that binds for them, must come to the same one.
function nameBeside(path: string): string {
  const tag = cluster.isWorker
    ? createHash('sha256').update(`${hostname()} ${process.ppid} ${path}`).digest('hex')
    : randomBytes(32).toString('hex')
  const long = `${path}.${tag.slice(0, 8)}`
  if (Buffer.byteLength(long) <= MAX_PATH_BYTES) return long
  return join(dirname(path), tag.slice(0, Buffer.byteLength(basename(path))))
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error) ?? '')))
  })
}

function isSame(one: Identity, other: Identity): boolean {
  return one.dev === other.dev && one.ino === other.ino && one.mtimeNs === other.mtimeNs
}

function ifMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

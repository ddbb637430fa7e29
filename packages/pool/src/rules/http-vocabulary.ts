import { type WordTrie, wordTrie } from './http-words.js'

/*
 * Which words of HTTP/1.1 have to do with the connection: methods, field names, and what stands in some fields. The
 * criterion is the *connection's* state and the number of answers, never the data: `DELETE` and `LOCK` are
 * stateless here, `Connection: close` is not.
 */

/** Bits of a method. */
export const STATELESS = 1
/** Answered by a head alone. */
export const HEAD = 2
/** RFC 9110 gives a body no meaning: some servers take it for the next request. */
export const BODILESS = 4
/** A tunnel, if the answer says so. */
export const CONNECT = 8
/** Takes nothing from anybody (RFC 9110), so nothing is lost when its client has left before the answer. */
export const SAFE = 64

/** What a field's value has to do with the connection; of most fields nothing. */
export const PLAIN = 0
export const LENGTH = 1
export const CODING = 2
/** The field alone taints. */
export const TAINTS = 4
/** Words, all of which must be listed: in `Connection` of a request, of an answer, in `Expect`. */
const CONNECTION = 8
const OFFER = 16
const EXPECT = 32
/** Only the first word counts, and must be listed. */
export const SCHEME = 64
/** Words, none of which may be listed. */
export const CHALLENGE = 128

const methods: ReadonlyArray<readonly [verdict: number, names: string]> = [
  [STATELESS, 'POST PUT PATCH'],
  [STATELESS | SAFE, 'OPTIONS QUERY'],
  [STATELESS | BODILESS, 'DELETE'],
  [STATELESS | BODILESS | SAFE, 'GET TRACE'],
  [STATELESS | BODILESS | SAFE | HEAD, 'HEAD'],
  // WebDAV and its family. A lock belongs to who has its token, not to the connection.
  [STATELESS | SAFE, 'PROPFIND REPORT SEARCH'],
  [STATELESS, 'PROPPATCH MKCOL COPY MOVE LOCK UNLOCK ACL MKCALENDAR'],
  [STATELESS, 'VERSION-CONTROL CHECKOUT CHECKIN UNCHECKOUT UPDATE LABEL MERGE BASELINE-CONTROL'],
  [STATELESS, 'MKWORKSPACE MKACTIVITY ORDERPATCH BIND UNBIND REBIND LINK UNLINK'],
  [CONNECT, 'CONNECT'],
]

// Each request carries its own proof. NTLM and Negotiate prove who is at the other end of the *connection*.
const schemes =
  'basic bearer digest dpop hoba oauth vapid token apikey hawk signature aws aws4-hmac-sha256 sharedkey sharedkeylite'
const boundSchemes = 'ntlm negotiate kerberos'

const words: ReadonlyArray<readonly [where: number, words: string]> = [
  [CONNECTION | OFFER, 'keep-alive'],
  // It names `TE`, which asks for trailers.
  [CONNECTION, 'te'],
  // Only 101 switches protocols; in any other answer it is an offer.
  [OFFER, 'upgrade'],
  [EXPECT, '100-continue'],
  [SCHEME, schemes],
  [CHALLENGE, boundSchemes],
]

const framing = [
  ['content-length', LENGTH],
  ['transfer-encoding', CODING],
] as const

/** The names that matter in a request. */
export const requestFields: WordTrie = wordTrie(
  new Map<string, number>([
    ...framing,
    ['connection', CONNECTION],
    ['proxy-connection', CONNECTION],
    ['expect', EXPECT],
    ['authorization', SCHEME],
    ['proxy-authorization', SCHEME],
    ['upgrade', TAINTS],
    ['http2-settings', TAINTS],
  ]),
  true,
)

/** The names that matter in an answer. */
export const answerFields: WordTrie = wordTrie(
  new Map<string, number>([
    ...framing,
    ['connection', OFFER],
    ['proxy-connection', OFFER],
    ['www-authenticate', CHALLENGE],
    ['proxy-authenticate', CHALLENGE],
    // Microsoft's: who was let in stays in, on this connection.
    ['persistent-auth', TAINTS],
    ['proxy-support', TAINTS],
  ]),
  true,
)

/** What a rule knows beside the fields. */
export interface Vocabulary {
  readonly methods: WordTrie
  readonly words: WordTrie
}

/** All that is listed, plus these methods and schemes as stateless; `TypeError` for one that is known not to be. */
export function vocabulary(moreMethods: readonly string[], moreSchemes: readonly string[]): Vocabulary {
  const knownMethods = listed(methods)
  for (const name of moreMethods) {
    if (((knownMethods.get(name) ?? 0) & CONNECT) !== 0) refuse('methods', name)
    if (!knownMethods.has(name)) knownMethods.set(name, STATELESS)
  }
  const knownWords = listed(words)
  for (const name of moreSchemes) {
    const scheme = name.toLowerCase()
    if (boundSchemes.split(' ').includes(scheme)) refuse('schemes', name)
    knownWords.set(scheme, (knownWords.get(scheme) ?? 0) | SCHEME)
  }
  return { methods: wordTrie(knownMethods, false), words: wordTrie(knownWords, true) }
}

function listed(lists: ReadonlyArray<readonly [number, string]>): Map<string, number> {
  const verdicts = new Map<string, number>()
  for (const [verdict, names] of lists) for (const name of names.split(' ')) verdicts.set(name, verdict)
  return verdicts
}

function refuse(option: string, name: string): never {
  throw new TypeError(
    `Expected \`${option}\` to name what leaves nothing on the connection, got ${JSON.stringify(name)}`,
  )
}

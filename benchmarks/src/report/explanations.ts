/** What the numbers of a workload say, and what they do not: for docs/benchmarks.md, by the id of the workload. */
export const explanations: Readonly<Record<string, string>> = {
  bulk: `CPU seconds, user and system, that the relay's process spends on a gigabyte. With client, upstream and relay on one machine the
rate says little: it is what the cores have left. Most of the CPU is the kernel's, copying in and out of user memory; Go and HAProxy
can have it moved by \`splice\` instead, which Node does not offer. This relay reads up to 144 KiB at once, into one buffer again and again.
nginx is shown with its default buffers of 16 KiB, and with 64 KiB, which suit one fast stream.
[Where the time goes](performance.md#a-gigabyte). Not shown: many streams, a network that is slower than a core.`,
  messages: `CPU microseconds for a request and its answer, which is four system calls at least. With 50 clients one wake-up brings several
messages, with one client each is alone. The rate is bounded by the machine that all share, and the relay adds to the time of
every message: p50 and p99 are what the client sees. *Over a reused lease* the relay reads every message, to know when the
connection is free again. Not shown: messages that are large, or spread over time.`,
  connections: `A connection for each request, opened and closed. The relay accepts, dials, copies two small messages and closes two sockets.
\`--prewarm\` takes the dial off the client's clock; it costs what a dial costs, so it is no faster where the upstream is near. \`--reuse\`
saves the dial, and the upstream's accept. Two workers, or threads, share the two processors with the client and the server, which were
busy already: their rate says what the same CPU buys, and not what more processors would. socat starts a process for each. Nobody writes a line for a session, and all have four
seconds to warm up, which those that are compiled as they run need. [Where the time goes](performance.md#a-short-session). Not shown: TLS.`,
  idle: `Resident memory that a session adds which has exchanged one message of 64 bytes each way and is quiet, kernel buffers not counted.
Before and after are looked at in a process that has had no other session; what several processes share counts once. It is a
floor: a session that moves bulk has buffers.`,
  'first-answer': `From a client's connect to the first byte of an answer, with an upstream that is 40 ms away there and back. A TCP handshake costs one
round trip, TLS 1.3 another, the question itself one more. Who has a connection open already pays the last alone. The link is
[a program between two network namespaces](../benchmarks/link/delay-link.c) that delays every packet, handshakes too. *direct* is the
client that does all of it by itself. With one connection after another: a burst of more clients than there are connections in
store waits as without a store.`,
  'start-up': `From launch to a socket that listens, by the kernel's word, and the whole of \`relay --help\`; files are in the page cache. Node itself
takes most of it: *an empty program* is what is left for nobody to win.`,
  stages: `The same bytes through something of the user's that changes nothing, the first price of programmability. A stage here is one function
for each direction, \`(chunk) => chunk\`; the peer is \`stream.pipeline\` through one \`Transform\` each way, as one would write it by hand.`,
  pools: `One cycle is \`const item = await acquire(); release(item)\`, held for a microtask, from ten items that cost nothing to make: the work of the
library alone. Every library has the same contract, \`max\`, prefilled, no validation, no timeout, oldest idle first (tarn knows the
newest only), a process of its own. A round trip to an upstream takes a hundred times as long: choose a pool for what it
does when things go wrong, which the table shows as this run saw it.`,
}

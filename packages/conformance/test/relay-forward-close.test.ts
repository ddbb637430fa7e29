import { claimsHold } from './support/claims-hold.js'

const tcpClose = { client: 'tcp', server: 'tcp', halfClose: 'close' } as const

claimsHold('plain', [], tcpClose)
claimsHold('over a pooled upstream', ['--prewarm', '2'], tcpClose, { only: 'end' })
claimsHold('through a stage', ['--stage', 'pass'], tcpClose, { only: 'end' })

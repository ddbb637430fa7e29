import { claimsHold } from './support/claims-hold.js'

claimsHold('plain', [], { client: 'tcp', server: 'tcp', halfClose: 'close' })
claimsHold('over a pooled upstream', ['--prewarm', '2'], { client: 'tcp', server: 'tcp', halfClose: 'close' })
claimsHold('through a stage', ['--stage', 'pass'], { client: 'tcp', server: 'tcp', halfClose: 'close' })

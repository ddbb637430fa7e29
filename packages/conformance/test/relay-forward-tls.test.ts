import { claimsHold } from './support/claims-hold.js'

claimsHold('plain', [], { client: 'tcp', server: 'tls', halfClose: 'forward' })
claimsHold('plain', [], { client: 'tcp', server: 'tls', halfClose: 'close' }, { only: 'end' })

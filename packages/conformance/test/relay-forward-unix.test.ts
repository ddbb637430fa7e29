import { claimsHold } from './support/claims-hold.js'

claimsHold('plain', [], { client: 'unix', server: 'tcp', halfClose: 'forward' })
claimsHold('plain', [], { client: 'tcp', server: 'unix', halfClose: 'forward' })
claimsHold('plain', [], { client: 'unix', server: 'unix', halfClose: 'close' })

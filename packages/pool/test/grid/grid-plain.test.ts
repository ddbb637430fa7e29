import { gridTest } from './grid-test.js'

gridTest('plain')

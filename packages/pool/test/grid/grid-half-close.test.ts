import { gridTest } from './grid-test.js'

gridTest('half-close')

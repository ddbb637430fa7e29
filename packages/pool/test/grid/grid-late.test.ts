import { gridTest } from './grid-test.js'

gridTest('late')

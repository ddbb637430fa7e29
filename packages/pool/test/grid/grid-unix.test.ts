import { gridTest } from './grid-test.js'

gridTest('unix')

/**
 * `npm run capacity`: simulates set-ups from two cores to 100 daemons, by the service times that the bench has measured
 * (`measured.json`), and prints how they fare. `--write` writes it into docs/capacity.md.
 */
import { parseArgs } from 'node:util'
import { writePage } from '../bench/page.js'
import { readMeasured } from './service-times.js'
import { describe } from './tables.js'

const PAGE = 'docs/capacity.md'

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const text = describe(readMeasured())
console.log(text)
if (values.write) writePage(PAGE, text)

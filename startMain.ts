/** The main component's entry. */
import { application } from './application.js'
import { runMain } from './package/run-main.js'

await runMain(application)

/** The main component's entry. */
import { application } from './application.js'
import { runMain } from './package/main.js'

await runMain(application)

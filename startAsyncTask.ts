/** The async-task component's entry. */
import { application } from './application.js'
import { runAsyncTask } from './package/worker.js'

await runAsyncTask(application)

/** `daemon | main`: runs one of the two of an application of the bench. */
import { runMain } from '../../../package/main.js'
import { runAsyncTask } from '../../../package/worker.js'
import { benchApplication } from '../many.js'

const { BENCH_FOLDER = '', BENCH_INTEGRATIONS = '0' } = process.env
const application = benchApplication(BENCH_FOLDER, Number(BENCH_INTEGRATIONS))
await (process.argv[2] === 'main' ? runMain(application) : runAsyncTask(application))

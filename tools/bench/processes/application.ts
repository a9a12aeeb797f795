/** `daemon | main`: runs one of the two of an application of the bench. Each loads only what its own entry loads. */
import { benchApplication } from '../bench-application.js'

const { BENCH_FOLDER = '', BENCH_INTEGRATIONS = '0' } = process.env
const application = benchApplication(BENCH_FOLDER, Number(BENCH_INTEGRATIONS))
if (process.argv[2] === 'main') await (await import('../../../package/main.js')).runMain(application)
else await (await import('../../../package/worker.js')).runAsyncTask(application)

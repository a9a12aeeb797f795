/**
 * `npm run dev:async-task`: the daemon alone, started again when a source changes, with a Temporal server of its
 * own where `TEMPORAL_ADDRESS` is not set. Main runs elsewhere: `npm run dev:main`.
 */
import { mkdirSync } from 'node:fs'
import { runReloading } from './dev/run-reloading.js'
import { freePort } from './temporal/free-port.js'
import { DEFAULT_PORT, DEFAULT_UI_PORT, startTemporalServer } from './temporal/server.js'

const folder = '.data/dev'
mkdirSync(folder, { recursive: true })

const temporal = await startTemporalServer({
  port: await freePort(DEFAULT_PORT),
  uiPort: await freePort(DEFAULT_UI_PORT),
  dbFile: `${folder}/temporal.db`,
  logFile: `${folder}/temporal.log`,
})
console.log(`Temporal  ${temporal.address}${temporal.uiUrl ? `, UI: ${temporal.uiUrl}` : ''}`)
await runReloading('async-task', 'startAsyncTask.ts', { ...process.env, TEMPORAL_ADDRESS: temporal.address })
await temporal.stop()
process.exit(0)

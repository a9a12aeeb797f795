/**
 * `npm run dev:async-task`: the daemon alone, restarted when a source changes. It also starts a Temporal server unless
 * `TEMPORAL_ADDRESS` is set, and the simulators it needs unless they already run. Their data are in `.data`, or in the
 * folder that is named. Main runs elsewhere: `npm run dev:main`.
 */
import { mkdirSync } from 'node:fs'
import { loadConfig } from '../../config.js'
import type { Program } from '../stack/program.js'
import { simulatorsInUse } from '../stack/simulators-in-use.js'
import { freePort } from '../temporal/free-port.js'
import { DEFAULT_PORT, DEFAULT_UI_PORT, startTemporalServer } from '../temporal/server.js'
import { temporalBanner } from './banner.js'
import { missingSimulators } from './missing-simulators.js'
import { orExit } from './or-exit.js'
import { runReloading } from './run-reloading.js'

const [folder = '.data'] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const { components, integrations } = loadConfig({ component: 'asyncTask' })

const temporal = await orExit(
  startTemporalServer({
    port: await freePort(DEFAULT_PORT),
    uiPort: await freePort(DEFAULT_UI_PORT),
    dbFile: `${folder}/temporal.db`,
    logFile: `${folder}/temporal.log`,
  }),
  'dev:async-task',
)
const env = { ...process.env, TEMPORAL_ADDRESS: temporal.address }
const daemon: Program = { name: 'async-task', part: 'async-task', entry: 'startAsyncTask.ts', env }
const simulators = await missingSimulators(simulatorsInUse(integrations), env)

await runReloading([daemon, ...simulators], (ready) => {
  console.log(`\n${temporalBanner(temporal)}`)
  for (const { name } of [daemon, ...simulators]) {
    if (!ready(name)) console.log(`${name} DOES NOT RUN: its reason is above.`)
  }
  console.log(`Main is expected at ${components.main.url}: npm run dev:main\nCtrl-C stops everything.\n`)
})
await temporal.stop()
process.exit(0)

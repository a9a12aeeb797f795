/**
 * `npm run dev`: the demo's stack, but it stays up, keeps its data in `.data/dev` (or in the folder that is named),
 * uses the usual ports if they are free, and restarts each part when one of its sources changes.
 */

import { internalToken } from '../../config/development-token.js'
import { config } from '../../config.js'
import { Stack } from '../stack/stack.js'
import { freePort } from '../temporal/free-port.js'
import { DEFAULT_PORT, DEFAULT_UI_PORT } from '../temporal/server.js'
import { mainBanner, temporalBanner } from './banner.js'
import { orExit } from './or-exit.js'
import { runReloading } from './run-reloading.js'

const [folder = '.data/dev'] = process.argv.slice(2)
const tokenFile = `${folder}/internal-token`
const { internalApiToken, port } = config.components.main

const stack = await Stack.create({
  folder,
  env: { INTERNAL_API_TOKEN: internalToken(config.mode, internalApiToken, tokenFile) },
  mainPort: await freePort(port),
  temporal: {
    port: await freePort(DEFAULT_PORT),
    uiPort: await freePort(DEFAULT_UI_PORT),
    dbFile: `${folder}/temporal.db`,
  },
  onCrash: (error) => console.error(error.message),
})
await orExit(stack.startTemporal(), 'dev')

await runReloading(stack.programs, (ready) => {
  console.log(mainBanner(ready('main') && stack.mainUrl, internalApiToken === undefined ? tokenFile : undefined))
  if (!ready('async-task')) console.log('async-task  DOES NOT RUN: its reason is above.')
  console.log(temporalBanner({ address: stack.temporalAddress, uiUrl: stack.temporalUiUrl }))
  console.log('Ctrl-C stops everything.\n')
})
await stack.stop()
process.exit(0)

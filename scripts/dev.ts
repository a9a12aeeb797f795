/**
 * `npm run dev`: the same stack as the demonstration's. It stays up, keeps its data in `.data/dev`, uses the
 * usual ports where they are free, and starts main and the daemon again when a source changes.
 */
import { config } from '../config.js'
import { watchSources } from './dev/watch-sources.js'
import { Stack } from './stack/stack.js'
import { freePort } from './temporal/free-port.js'
import { DEFAULT_PORT, DEFAULT_UI_PORT } from './temporal/server.js'

const folder = '.data/dev'

const stack = await Stack.create({
  folder,
  inheritOutput: true,
  mainPort: await freePort(config.components.main.port),
  temporal: {
    port: await freePort(DEFAULT_PORT),
    uiPort: await freePort(DEFAULT_UI_PORT),
    dbFile: `${folder}/temporal.db`,
  },
  onCrash: (error) => console.error(`\n${error.message}\nIt starts again when you save a source file.\n`),
})

let stopping = false
let stopWatching: (() => Promise<void>) | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1)
    stopping = true
    void stopAndExit()
  })
}

await stack.startServices()
await reportFailure(() => stack.startApplication())
console.log(`\nmain      ${stack.mainUrl} (API document: ${stack.mainUrl}/openapi.json)`)
console.log(`Temporal  ${stack.temporalAddress}${stack.temporalUiUrl ? `, UI: ${stack.temporalUiUrl}` : ''}`)
console.log('Ctrl-C stops everything.\n')

stopWatching = watchSources(async (file) => {
  console.log(`\n${file} changed: starting main and the daemon again …\n`)
  await stack.stopApplication()
  await reportFailure(() => stack.startApplication())
})

/** A mistake in a source must not end the session in which it is corrected. */
async function reportFailure(act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!stopping) console.error(`\n${error instanceof Error ? error.message : String(error)}\n`)
  }
}

async function stopAndExit(): Promise<void> {
  console.log('\nStopping …')
  await Promise.all([stopWatching?.(), stack.stop()])
  process.exit(0)
}

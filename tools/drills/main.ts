/**
 * `npm run drill -- [incident | number]`: an incident on a running system, to be solved with docs/runbook.md. Without a
 * name it is one at random, and which one is not said. Exits with 0 once all is well again.
 */
import { createInterface } from 'node:readline/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { INCIDENTS } from './incidents.js'
import { actOutside, OUTSIDE } from './outside.js'
import { DrillSystem } from './system.js'

const LOOK_EVERY_MS = 5_000
/** For how long the system runs well before something happens. */
const CALM_MS = 20_000

const [asked] = process.argv.slice(2)
const number = asked === undefined ? Math.floor(Math.random() * INCIDENTS.length) : Number(asked) - 1
const incident = INCIDENTS.find(({ name }) => name === asked) ?? INCIDENTS[number]
if (!incident) {
  console.error(`There is no incident ${asked}. There are:`)
  for (const [index, { name }] of INCIDENTS.entries()) console.error(`  ${index + 1}  ${name}`)
  process.exit(2)
}

const folder = `.data/drills/${new Date().toISOString().replace(/[:.]/g, '-')}`
const system = new DrillSystem(folder)
console.log('Starting PostgreSQL, Temporal, the providers, main, two daemons and users: half a minute or so')
await system.start()
console.log(`
export MAIN_URL=${system.urls.main} OPERATOR_TOKEN=${system.secrets.operator}
npm run tasks -- stats           or the console: ${system.urls.main}/console
health of daemon-1, of daemon-2  ${system.urls['daemon-1']}/readyz  ${system.urls['daemon-2']}/readyz
logs                             ${folder}/main.log  daemon-1.log  daemon-2.log
deployment's secrets             ARK_API_KEY=${system.secrets.arkKey} INTERNAL_API_TOKEN=${system.secrets.internal}

${OUTSIDE}
`)
await delay(CALM_MS)
await incident.stage(system)
const since = Date.now()
console.log(`${new Date().toISOString()} ${incident.told}`)

const over = new AbortController()
const terminal = createInterface({ input: process.stdin, output: process.stdout })
const prompt = (async () => {
  for await (const line of terminal) {
    if (line.trim() === 'quit') break
    console.log(await actOutside(system, line).catch((error) => `That failed: ${error.message}`))
  }
  over.abort()
})()
let solved = false
while (!over.signal.aborted && !solved) {
  await delay(LOOK_EVERY_MS, undefined, { signal: over.signal }).catch(() => 'asked to quit')
  solved = !over.signal.aborted && (await system.isWell()) && (await incident.left?.(system).catch(() => '')) == null
}
if (solved) console.log(`All is well again: ${incident.name} took ${Math.round((Date.now() - since) / 1000)} s`)
else
  console.log(
    `${incident.name} was not solved: ${(await incident.left?.(system).catch(() => null)) ?? 'not all is well'}`,
  )
terminal.close()
await prompt
await system.stop()
process.exit(solved ? 0 : 1)

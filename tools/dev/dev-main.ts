/** `npm run dev:main`: main alone, on its configured address, restarted when a source changes. */
import { relative } from 'node:path'
import { DEVELOPMENT_TOKEN_FILE } from '../../config/development-token.js'
import { loadConfig } from '../../config.js'
import { mainBanner } from './banner.js'
import { runReloading } from './run-reloading.js'

const { internalApiToken } = loadConfig({ component: 'main' }).components.main
const main = { name: 'main', part: 'main', entry: 'startMain.ts', env: process.env } as const

await runReloading([main], (ready) => {
  const url = ready('main')?.url as string | undefined
  console.log(mainBanner(url, internalApiToken === undefined ? relative('.', DEVELOPMENT_TOKEN_FILE) : undefined))
})
process.exit(0)

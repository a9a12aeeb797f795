/** `npm run screenshots`: pictures of the console with made-up tasks, into `docs/images`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PNG } from 'pngjs'
import { startBrowser } from '../tests/support/browser.js'
import { startTestMain } from '../tests/support/main.js'
import { startRunServices } from '../tests/support/run-services.js'
import { useRunServices } from '../tests/support/shared.js'
import { PRICES, plantAround } from './screenshots/around.js'
import { plantDemo, SHOWN_TASK } from './screenshots/tasks.js'

const TOKEN = 'screenshots-token-0123456789'
const FOLDER = fileURLToPath(new URL('../docs/images', import.meta.url))
const MOST_BYTES = 150_000

const PICTURES = [
  { name: 'console-overview', hash: '#/', colours: 'light', wait: '.plot rect', height: 900 },
  { name: 'console-overview-dark', hash: '#/', colours: 'dark', wait: '.plot rect', height: 900 },
  { name: 'console-list', hash: '#/tasks?status=failed', colours: 'light', wait: '.tasks tbody tr', height: 620 },
  { name: 'console-task', hash: `#/tasks/${SHOWN_TASK}`, colours: 'light', wait: '.file img', height: 1100 },
] as const

// As an operator configures them.
Object.assign(process.env, PRICES)
const services = await startRunServices()
useRunServices(services.url)
const main = await startTestMain({ operatorToken: TOKEN, temporalAddress: '127.0.0.1:1', enabled: false })
const browser = await startBrowser()
try {
  await mkdir(FOLDER, { recursive: true })
  await plantDemo(main)
  await plantAround(main)
  const authorization = `Bearer ${TOKEN}`
  await main.post(
    '/api/fangzhouVideoGeneration/pause',
    { by: 'ben', reason: 'The provider has an incident' },
    { authorization },
  )
  await main.post('/api/nanobanana2ImageGeneration/setLimits', { by: 'anna', maxTasksInFlight: 8 }, { authorization })
  for (const { name, hash, wait, ...look } of PICTURES) {
    const page = await browser.open({ url: `${main.url}/console/`, ...look })
    await page.signIn(TOKEN, 'anna')
    await page.at(hash)
    await page.page.waitForSelector(wait)
    await page.page.waitForNetworkIdle({ concurrency: 1 })
    const path = join(FOLDER, `${name}.png`)
    const picture = packed(await page.page.screenshot())
    await writeFile(path, picture)
    const size = picture.length
    process.stdout.write(`${relative('.', path)}: ${Math.round(size / 1000)} kB\n`)
    if (size > MOST_BYTES) process.exitCode = 1
    await page.close()
  }
} finally {
  await browser.stop()
  await main.stop()
  await services.stop()
}

/** The same picture in fewer bytes: the browser packs in a hurry. */
function packed(picture: Uint8Array): Buffer {
  return PNG.sync.write(PNG.sync.read(Buffer.from(picture)), { colorType: 2, deflateLevel: 9, deflateStrategy: 0 })
}

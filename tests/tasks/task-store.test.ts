/** An integration's TaskStore: made by `setup`, reached by APIs that may be made before. */
import pino from 'pino'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import * as definition from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { createApplication } from '@/main-component/application.js'
import { installOrAttach } from '@/main-component/model.js'
import { openDatabase } from '@/main-component/open-database.js'
import { makeIntegrations } from '../integrations/support.js'

const config = loadConfig({ mode: 'local', component: 'main' })
const logger = pino({ level: 'silent' })
const database = await openDatabase({ ...config.components.main.database, dataDir: 'memory://' }, logger)
const scheme = vi.spyOn(database.driver, 'scheme')
let application: Awaited<ReturnType<typeof createApplication>>
beforeAll(async () => {
  application = await createApplication(definition.application, config, database, logger)
  await installOrAttach(application.controller, application.system, 'never', logger)
  await application.setUp()
})
afterAll(() => database.close())

it('what all integrations share is made once', () => {
  const made = (name: string) => scheme.mock.calls.filter(([sql]) => sql.includes(name)).length
  expect([made('"ArtifactsToRemove"'), made('"IdempotencyKey_of_task"')]).toEqual([1, 1])
  expect(made('APICall_ready"')).toBe(application.integrations.getIntegrations().length)
})

it('APIs that are made before the store say what is missing, and serve it once it is there', async () => {
  const integrations = makeIntegrations()
  const runsToCheck = integrations.createAPIs().filter(({ name }) => name === 'runsToCheck')
  expect(runsToCheck).toHaveLength(integrations.getIntegrations().length)
  const ask = () => {
    const context = { signal: new AbortController().signal }
    const query = { limit: 1, uncheckedForSeconds: 0 }
    return Promise.all(runsToCheck.map((api) => api.callback.call(application.controller, context, query)))
  }
  await expect(ask()).rejects.toThrow('is not set up: call setup() before any of its APIs')
  await integrations.setup(application.controller)
  expect(await ask()).toEqual(runsToCheck.map(() => ({ runs: [] })))
})

/** The application's own process: its Controller, its Hono, and main embedded in both. */
import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { Controller } from 'interaqt'
import {
  closeServer,
  createLogger,
  DatabaseSystem,
  embedMain,
  installOrAttach,
  inTransaction,
  openDatabase,
  reading,
} from 'interaqt-async-task/main'
import { z } from 'zod'
import { application } from './application.js'

const config = application.loadConfig({ component: 'main' })
const settings = config.components.main
const logger = createLogger()
const database = await openDatabase(settings.database, logger)
const main = await embedMain(application, { config, logger })
const system = new DatabaseSystem(database.driver)
const controller = new Controller({ system, ...main.model })

const app = new Hono()
app.post('/greetings', async (c) => {
  const { text } = z.object({ text: z.string().min(1) }).parse(await c.req.json())
  await inTransaction(controller, 'greet', () => system.storage.create('Greeting', { text }))
  return c.json({ text }, 201)
})
app.get('/greetings', async (c) => {
  const fields = ['text', ['apiCalls', { attributeQuery: ['status', 'result'] }]]
  const find = () => system.storage.find('Greeting', undefined, undefined, fields)
  return c.json(await reading(controller, 'greetings', find))
})

const routes = await database.alone(async () => {
  await installOrAttach(controller, system, settings.migrate, logger)
  return await main.routes(controller)
})
// Last: what is not the application's own is asked for here.
app.mount('/', routes.fetch)

const server = serve({ fetch: app.fetch, hostname: settings.host, port: settings.port }, ({ port }) => {
  logger.info(`listening at port ${port}`)
  process.send?.({ type: 'ready' })
})

process.once('SIGTERM', async () => {
  await main.stop(() => closeServer(server as Server))
  await database.close()
  process.exit(0)
})

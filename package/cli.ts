#!/usr/bin/env node
/** `async-task <command>`: what an application runs beside its own processes. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Application } from '../application/define.js'
import { exitBecause } from '../lib/exit-because.js'
import { stopOnSignals } from '../lib/stop-on-signals.js'
import { UsageError } from './tasks/usage.js'

const MODULES = ['dist/application.js', 'application.js', 'application.ts']

const USAGE = `Usage: async-task <command> [--application <file>]
  worker     runs the daemon: claims tasks, and runs their workflows
  main       runs main as a process of its own
  migrate    --plan | --apply [--allow-loss <entity> …] | --back
  bundle     bundles the workflows ahead of a start, for an image say
  search-attributes  [--register]: by what Temporal can search its runs; registers what is missing
  new        <name> --shape <polled | single | local | custom>: adds an integration
  simulator  <integration> [--port <port>]: runs what stands in for its provider
  tasks      list | show | watch | stats | retry | cancel | pause | resume: for operators. See: async-task tasks --help

The application is what the module exports that --application names, by default the first of
${MODULES.join(', ')} in the working directory:
  export const application = defineApplication({ integrations, folder, model })
A .ts module needs a loader: NODE_OPTIONS='--import tsx'.`

const COMMANDS: Record<string, (args: string[], load: () => Promise<Application>) => Promise<void>> = {
  async worker(args, load) {
    parseArgs({ args })
    const { runAsyncTask } = await import('../async-task-component/run.js')
    await runAsyncTask(await load())
  },
  async main(args, load) {
    parseArgs({ args })
    const { runMain } = await import('../main-component/run.js')
    await runMain(await load())
  },
  async migrate(args, load) {
    const { runMigrate } = await import('../main-component/migrate.js')
    await runMigrate(await load(), args)
    process.exit(0)
  },
  async bundle(args, load) {
    parseArgs({ args })
    const { bundleAll } = await import('../async-task-component/run.js')
    await bundleAll(await load())
  },
  async 'search-attributes'(args, load) {
    const { runSearchAttributes } = await import('../async-task-component/search-attributes.js')
    await runSearchAttributes(await load(), args)
  },
  async new(args) {
    const { newIntegration } = await import('./new.js')
    newIntegration(args)
  },
  async simulator(args, load) {
    const { runSimulator } = await import('./simulator.js')
    await runSimulator(await load(), args)
  },
  async tasks(args) {
    const { runTasks } = await import('./tasks/index.js')
    const { processTerminal } = await import('./tasks/terminal.js')
    const stopping = new AbortController()
    stopOnSignals(() => stopping.abort())
    const { env } = process
    process.exitCode = await runTasks(args, { env, terminal: processTerminal(process), signal: stopping.signal })
  },
}

try {
  const [name = '', ...args] = process.argv.slice(2)
  if (['', 'help', '--help', '-h'].includes(name) || (name !== 'tasks' && args.includes('--help'))) {
    console.log(USAGE)
  } else {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!command) throw new UsageError(`There is no command ${name}.\n\n${USAGE}`)
    const at = args.indexOf('--application')
    const [, file] = at < 0 ? [] : args.splice(at, 2)
    if (at >= 0 && file === undefined) throw new UsageError('--application needs a file')
    await command(args, () => loadApplication(file))
  }
} catch (error) {
  exitBecause('async-task', error)
}

/** @throws UsageError where the working directory has none */
async function loadApplication(given: string | undefined): Promise<Application> {
  const file = given ?? MODULES.find((name) => existsSync(join(process.cwd(), name)))
  if (file === undefined)
    throw new UsageError(
      `There is no application in ${process.cwd()}: it has none of ${MODULES.join(', ')}. Compile it, or name it with --application <file>`,
    )
  const path = resolve(file)
  if (!existsSync(path)) throw new UsageError(`There is no ${path}`)
  const found = (await import(pathToFileURL(path).href)) as { application?: Application; default?: Application }
  const application = found.application ?? found.default
  if (typeof application?.loadConfig === 'function') return application
  throw new UsageError(`${path} exports no application: export const application = defineApplication({ … })`)
}

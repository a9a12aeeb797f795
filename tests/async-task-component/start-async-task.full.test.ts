/** The daemon as it is deployed: a process, a configuration, signals; and what it is made of. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { ProtocolMain, TEST_TOKEN } from '@/testing/protocol-main.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { eventually } from '../support/eventually.js'
import { TcpProxy } from '../support/tcp-proxy.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const forbidDatabases = new URL('forbid-databases.mjs', import.meta.url).href
let daemon: Daemon | null = null

interface Daemon {
  process: ChildProcess
  output(): string
  ready: Promise<unknown>
  exit: Promise<number | null>
}

function startDaemon(env: NodeJS.ProcessEnv): Daemon {
  const child = fork('startAsyncTask.ts', {
    cwd: root,
    execArgv: ['--import', 'tsx', '--import', forbidDatabases],
    silent: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, INTERNAL_API_TOKEN: TEST_TOKEN, ...env },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)))
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  const ready = Promise.race([
    once(child, 'message').then(([message]) => message),
    exit.then((code) => Promise.reject(new Error(`The daemon ended with ${code}:\n${output}`))),
  ])
  ready.catch(() => undefined)
  daemon = { process: child, output: () => output, ready, exit }
  return daemon
}

afterEach(async () => {
  if (daemon && daemon.process.exitCode === null && daemon.process.signalCode === null) {
    daemon.process.kill('SIGKILL')
    await daemon.exit
  }
  daemon = null
})

describe('startAsyncTask', () => {
  it('starts with main down, catches up when main comes, and exits 0 on SIGTERM', async () => {
    const [port, metricsPort] = [await freePort(), await freePort()]
    const {
      process: child,
      ready,
      exit,
      output,
    } = startDaemon({
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      MAIN_URL: `http://127.0.0.1:${port}`,
      TEMPORAL_METRICS_PORT: String(metricsPort),
    })
    expect(await ready).toEqual({ type: 'ready' })
    const sdk = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    expect(sdk).toMatch(/^temporal_worker_task_slots_available\{.*task_queue="integration-test-async-task-queue"/m)

    const main = await ProtocolMain.start(port)
    await main.until(() => main.fetches('testAsyncTask') > 0)
    await main.stop()
    child.kill('SIGTERM')

    expect(await exit).toBe(0)
    const lines = output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { msg: string })
    expect(lines.at(-1)?.msg).toBe('stopped')
    expect(output()).not.toContain(TEST_TOKEN)
  })

  it('exits 0 while it waits for a Temporal that takes its connection and says nothing', async () => {
    const temporal = await TcpProxy.to(inject('temporalAddress'))
    temporal.deafen()
    const { process: child, exit, output } = startDaemon({ TEMPORAL_ADDRESS: temporal.address })
    await eventually(() => expect(temporal.connections).toBeGreaterThan(0))
    const askedAt = performance.now()
    child.kill('SIGTERM')

    expect(await exit).toBe(0)
    // Within the 10 s of shutdownGraceMs, where the attempt to connect alone would take 30.
    expect(performance.now() - askedAt).toBeLessThan(10_000)
    expect(output()).toContain('"msg":"stopped"')
    await temporal.close()
  })

  it('exits 1 on a second signal, without waiting for the drain', async () => {
    const temporal = await TcpProxy.to(inject('temporalAddress'))
    const main = await ProtocolMain.start()
    const {
      process: child,
      ready,
      exit,
      output,
    } = startDaemon({
      TEMPORAL_ADDRESS: temporal.address,
      MAIN_URL: main.url,
    })
    await ready
    // A claim under way whose answer does not come keeps the drain waiting.
    main.add('testAsyncTask', 'task-1')
    main.fault = ({ body }) => (body.status === 'queued' ? 'hang' : undefined)
    await main.until(() => main.reports('task-1').length > 0)
    child.kill('SIGINT')
    await eventually(() => expect(output()).toContain('"msg":"stopping"'))
    // Sooner it would be the first one's repeat.
    await delay(600)
    child.kill('SIGINT')

    expect(await exit).toBe(1)
    expect(output()).not.toContain('"msg":"stopped"')
    await main.stop()
    await temporal.close()
  })

  it('says what is wrong with its configuration, and exits 1', async () => {
    const { exit, output } = startDaemon({ CONFIG_MODE: 'prod', INTERNAL_API_TOKEN: '' })

    expect(await exit).toBe(1)
    expect(output()).toContain('internalApiToken')
  })

  it('keeps a worker going that has no namespace to work in, and names it', async () => {
    const {
      output,
      exit,
      process: child,
    } = startDaemon({
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: 'no-such-namespace',
    })
    await eventually(() => expect(output()).toMatch(/worker failed, building it again.*no-such-namespace/))
    child.kill('SIGTERM')

    expect(await exit).toBe(0)
  })

  it.each([
    ['pg', 'The daemon imports what only main needs: pg'],
    ['interaqt', 'The daemon imports what only main needs: interaqt'],
    ['@opentelemetry/core', 'Nobody wants traces, which need @opentelemetry/core'],
  ])('would not have loaded with %s in it', (needed, why) => {
    const args = ['--import', forbidDatabases, '--input-type=module', '--eval', `import '${needed}'`]
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

    expect(status).toBe(1)
    expect(stderr).toContain(why)
  })
})

/** Where the checks of a contract take place: both Temporal servers, and what has to hold after each, whatever it was. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import { expect } from 'vitest'
import { artifactSchema } from '../../artifacts/artifact.js'
import type { AttemptOutcome } from '../../protocol/attempt.js'
import { FAULTS, type FaultKind, type SimulatorOptions } from '../../simulator/index.js'
import type { AnyIntegration, DefinitionParts } from '../definition-parts.js'
import { DefinitionWorkers, type IntegrationBench } from '../definition-workers.js'
import { createRealEnvironment, createTimeSkippingEnvironment } from '../environments.js'
import { readable, SecretScanner } from '../scanner.js'
import { watchOutgoing } from './outgoing.js'

/** What stands for the provider's key. */
export const KEY = 'aZ9/provider+key_half-Q7.x2='
const scanner = new SecretScanner({ 'the provider’s key': KEY })
/** A run is cancelled by one who has to see it get there; how long that takes is the machine's business. */
const REACHED_MS = 20_000

export interface ContractOptions extends DefinitionParts {
  /** A request that the provider fulfils. Default: the definition's `example`. */
  request?: object
  /** What its result has to hold, beyond fitting its schema. */
  result?: object
}

/** A task of a check's. */
export interface Tested extends Omit<IntegrationBench, 'start' | 'run'> {
  definition: AnyIntegration
  start(attempt?: number): ReturnType<IntegrationBench['start']>
  run(attempt?: number): Promise<AttemptOutcome>
  /** How many requests have asked for something that costs money, whatever became of them. */
  asked(): number
  /** The outcome is success, of what was asked for: it fits its schema, and all files are there, whole. */
  expectDone(outcome: AttemptOutcome): Promise<void>
  bundle: DefinitionWorkers['bundle']
}

export interface Check {
  group: string
  name: string
  /** On which server. Cancellations need the real one, where they run beside each other. Default: `skipping`. */
  server?: 'skipping' | 'real'
  section?: object
  simulator?: SimulatorOptions
  /** What the provider may charge for at most. Default: one task. */
  maxPaid?: number
  test(tested: Tested): Promise<void>
}

export class ContractWorld {
  readonly #opened = new Map<string, Promise<DefinitionWorkers>>()

  constructor(
    private readonly definition: AnyIntegration,
    private readonly options: ContractOptions,
  ) {}

  async run({ server = 'skipping', section, simulator, maxPaid = 1, test }: Check): Promise<void> {
    const { definition, options } = this
    const workers = await this.#workers(server)
    const hasProvider = definition.shape === 'polled' || definition.shape === 'single'
    const polled = definition.shape === 'polled' && { settleSeconds: 5 }
    const own = hasProvider ? { deadlineSeconds: 3600, requestTimeoutMs: 10_000, ...polled } : {}
    const task = {
      section: { ...own, ...options.section, ...section },
      simulator,
      ...(hasProvider && { apiKey: KEY }),
    }
    await workers.withTask(task, async (bench) => {
      const handles: WorkflowHandle[] = []
      const outcomes: unknown[] = []
      const start: Tested['start'] = async (attempt) => {
        const handle = await bench.start(options.request, attempt)
        handles.push(handle)
        return handle
      }
      const sent: string[] = []
      const host = bench.providerUrl && new URL(bench.providerUrl).host
      const unwatch = watchOutgoing((request) => {
        if (request.host !== host && !PROVIDERS.has(request.host)) sent.push(`${request.host}\n${request.text}`)
      })
      if (host) PROVIDERS.add(host)
      const said = listenToConsole()
      const tested: Tested = {
        ...bench,
        definition,
        start,
        bundle: workers.bundle,
        async run(attempt) {
          const outcome = await workers.outcomeOf(await start(attempt))
          outcomes.push(outcome)
          return outcome
        },
        asked: () => bench.provider?.requests.filter(isPaidFor).length ?? 0,
        expectDone: (outcome) => expectDone(outcome, definition, options, bench),
      }
      try {
        await test(tested)
      } finally {
        unwatch()
        said.stop()
        if (host) PROVIDERS.delete(host)
      }
      expect(bench.paid(), 'what the provider charges for').toBeLessThanOrEqual(maxPaid)
      if (!hasProvider) return
      const histories = await Promise.all(handles.map(async (handle) => readable(await handle.fetchHistory())))
      const places = {
        'the history': histories,
        'a report to main': [JSON.stringify(bench.main.reports)],
        'the outcome': [JSON.stringify(outcomes)],
        'a log': bench.logs,
        'the console': said.lines,
        'a request to anybody but the provider': sent,
        'a stored file': await contentsOf(bench.artifactsDir),
      }
      const texts = Object.entries(places).flatMap(([where, all]) => all.map((text) => ({ where, text })))
      expect((await scanner.scan(texts)).found, 'where the provider’s key got to').toEqual([])
    })
  }

  async close(): Promise<void> {
    for (const opening of this.#opened.values()) {
      const workers = await opening.catch(() => undefined)
      await workers?.close()
      await workers?.env.teardown()
    }
  }

  #workers(server: 'skipping' | 'real'): Promise<DefinitionWorkers> {
    const opened = this.#opened.get(server) ?? this.#open(server)
    this.#opened.set(server, opened)
    return opened
  }

  async #open(server: 'skipping' | 'real'): Promise<DefinitionWorkers> {
    const env = await (server === 'real' ? createRealEnvironment() : createTimeSkippingEnvironment())
    return DefinitionWorkers.open(env, this.definition, this.options).catch(async (error) => {
      await env.teardown()
      throw error
    })
  }
}

/** Of all checks that run at once. */
const PROVIDERS = new Set<string>()

/** Resolves once it is so. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const late = Date.now() + REACHED_MS
  while (!(await holds())) {
    if (Date.now() > late) throw new Error(`Not so within ${REACHED_MS / 1000} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function isPaidFor({ created, faults }: { created?: string; faults: FaultKind[] }): boolean {
  return created !== undefined || faults.some((kind) => ['create', 'judged', 'created'].includes(FAULTS[kind][0]))
}

async function expectDone(
  outcome: AttemptOutcome,
  { resultSchema }: AnyIntegration,
  { result: expected = {} }: ContractOptions,
  { artifactsDir, main }: IntegrationBench,
): Promise<void> {
  expect(outcome).toMatchObject({ outcome: 'completed', result: expected })
  if (outcome.outcome !== 'completed') return
  const parsed = resultSchema.safeParse(outcome.result)
  expect(parsed.error?.issues, 'what of the result does not fit its schema').toBeUndefined()
  expect(main.state).toMatchObject({ status: 'completed', openIntents: [] })
  for (const artifact of artifactsIn(outcome.result)) {
    const content = await readFile(join(artifactsDir, artifact.key))
    expect(content.length, `the length of ${artifact.key}`).toBe(artifact.bytes)
  }
}

function artifactsIn(value: unknown): Array<{ key: string; bytes: number }> {
  if (typeof value !== 'object' || value === null) return []
  const artifact = artifactSchema.loose().safeParse(value).data
  return artifact ? [artifact] : Object.values(value).flatMap(artifactsIn)
}

async function contentsOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')))
}

const LISTENERS = new Set<string[]>()
const SAYING = ['debug', 'log', 'info', 'warn', 'error'] as const

/** What is printed meanwhile, which is printed all the same. */
function listenToConsole(): { lines: string[]; stop(): void } {
  const lines: string[] = []
  if (LISTENERS.size === 0) {
    const own = { ...console }
    for (const name of SAYING) {
      console[name] = (...said: unknown[]) => {
        for (const listener of LISTENERS) listener.push(said.map(readable).join(' '))
        if (LISTENERS.size === 0) Object.assign(console, own)
        own[name](...said)
      }
    }
  }
  LISTENERS.add(lines)
  return { lines, stop: () => LISTENERS.delete(lines) }
}

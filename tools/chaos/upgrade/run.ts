/** Upgrades main and the daemon of an earlier release under load, and goes back, as the docs say. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Child } from '../../stack/child.js'
import { readExecutions } from '../witnesses/temporal.js'
import type { Violation } from '../witnesses/violation.js'
import type { DatabaseKind } from './database.js'
import { Flow } from './flow.js'
import { CLAIM_NOTHING, type Release, UpgradeSystem } from './system.js'
import { verify } from './verify.js'

export interface UpgradeOptions {
  /** The checkout of the earlier release. */
  from: Release
  database: DatabaseKind
  /** How often it upgrades and goes back, on one database. */
  rounds: number
  tasksPerSecond: number
  seed: number
  /** Between two changes. */
  seconds: number
  folder: string
  say: (line: string) => void
}

export interface UpgradeReport {
  database: DatabaseKind
  tasks: number
  completed: number
  failed: number
  /** Creations that were retried, and the longest time that one took. */
  askedAgain: number
  longestCreateSeconds: number
  violations: Violation[]
}

const IDLE_WITHIN_MS = 600_000
const TODAY: Release = { name: 'today' }

/** Resolves once everything has ended and was checked. */
export async function upgradeUnderLoad(options: UpgradeOptions): Promise<UpgradeReport> {
  const system = await UpgradeSystem.start(options.database, options.folder)
  const course = new Course(system, options)
  try {
    await course.begin()
    const flow = new Flow({ mainUrl: system.mainUrl, seed: options.seed, perSecond: options.tasksPerSecond })
    for (let round = 1; round <= options.rounds; round++) {
      await course.forward(round)
      await course.back(round)
    }
    await flow.end()
    await system.untilIdle({ pending: true }, AbortSignal.timeout(IDLE_WITHIN_MS))
    options.say(`${flow.created.length} tasks have ended`)
    const creates = await system.providerCreates()
    const executions = await readExecutions(system.temporalAddress)
    await course.end()
    const stored = await system.database.readTasks()
    const count = (status: string) => stored.filter((task) => task.status === status).length
    return {
      database: options.database,
      tasks: stored.length,
      completed: count('completed'),
      failed: count('failed'),
      askedAgain: flow.repeated,
      longestCreateSeconds: Math.round(flow.longestMs / 100) / 10,
      violations: verify({ created: flow.created, stored, executions, creates }),
    }
  } finally {
    await course.end()
    await system.stop()
  }
}

class Course {
  #main: Child | undefined
  #daemon: Child | undefined

  constructor(
    private readonly system: UpgradeSystem,
    private readonly options: UpgradeOptions,
  ) {}

  async begin(): Promise<void> {
    this.#main = await this.system.startMain(this.options.from)
    this.#daemon = await this.system.startDaemon(this.options.from)
  }

  /** Main before the daemon. */
  async forward(round: number): Promise<void> {
    await this.#flow(`round ${round}: ${this.options.from.name}`)
    await this.#replaceMain(TODAY)
    await this.#flow("today's main, the earlier daemon")
    const earlier = this.#daemon
    this.#daemon = await this.system.startDaemon(TODAY)
    await this.#flow('a daemon of each')
    await earlier?.stop()
    await this.#flow('today')
  }

  /** Today's daemon's runs end first: an earlier worker cannot continue them. Nothing is claimed meanwhile. */
  async back(round: number): Promise<void> {
    await this.#replaceMain(TODAY, CLAIM_NOTHING)
    this.options.say(`round ${round}: back, once no run is under way`)
    await this.system.untilIdle({ pending: false }, AbortSignal.timeout(IDLE_WITHIN_MS))
    await this.end()
    await this.system.migrateBack()
    await this.begin()
    await this.#flow(`${this.options.from.name} again`)
  }

  async end(): Promise<void> {
    await this.#daemon?.stop()
    await this.#main?.stop()
  }

  /** On PostgreSQL the new one starts and migrates beside the running one. PGLite allows only one process. */
  async #replaceMain(release: Release, env?: Record<string, string>): Promise<void> {
    const earlier = this.#main
    if (this.system.database.kind === 'pglite') await earlier?.stop()
    this.#main = await this.system.startMain(release, env)
    await earlier?.stop()
  }

  async #flow(what: string): Promise<void> {
    this.options.say(`${what}, for ${this.options.seconds} s`)
    await delay(this.options.seconds * 1000)
  }
}

/** Carries out the schedule, and records what happened. */
import { setTimeout as delay } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import { CLAIM_TASKS } from '../../../protocol/names.js'
import { type Random, seededRandom } from '../random.js'
import type { FaultKind, Route, ScheduledFault } from '../schedule.js'
import type { Disturbance } from './fault-proxy.js'
import type { ChaosSystem } from './system.js'

/** A fault as it happened. Unix milliseconds. */
export interface InflictedFault {
  kind: FaultKind
  description: string
  startedAt: number
  endedAt: number
  /** The process that it aimed at, if one of several. */
  index?: number
  /** How many things it hit: processes, workflows, or requests. 0 if its target was not there. */
  hits: number
}

export class Injector {
  readonly inflicted: InflictedFault[] = []
  /** Failures of the harness itself: such a run proves nothing. */
  readonly errors: Error[] = []
  readonly #random: Random
  readonly #underWay = new Set<Promise<void>>()

  constructor(
    private readonly system: ChaosSystem,
    seed: number,
    private readonly say: (line: string) => void,
  ) {
    this.#random = seededRandom(seed, 'targets')
  }

  /** Resolves once the last fault is over or, after the signal, all that have begun. */
  async run(schedule: readonly ScheduledFault[], signal: AbortSignal): Promise<void> {
    const startedAt = Date.now()
    for (const fault of schedule) {
      await delay(Math.max(0, startedAt + fault.atMs - Date.now()), undefined, { signal }).catch(() => {})
      if (signal.aborted) break
      const inflicting = this.#inflict(fault)
      this.#underWay.add(inflicting)
      void inflicting.finally(() => this.#underWay.delete(inflicting))
    }
    await Promise.all(this.#underWay)
  }

  async #inflict(fault: ScheduledFault): Promise<void> {
    const startedAt = Date.now()
    const description = describe(fault)
    try {
      this.say(description)
      const hits = await this.#carryOut(fault)
      const aim = 'index' in fault ? { index: fault.index } : {}
      this.inflicted.push({ kind: fault.kind, description, startedAt, endedAt: Date.now(), hits, ...aim })
    } catch (cause) {
      this.errors.push(new Error(`${description} could not be carried out`, { cause }))
    }
  }

  async #carryOut(fault: ScheduledFault): Promise<number> {
    const { system } = this
    const { durationMs } = fault
    switch (fault.kind) {
      case 'daemon-kill':
      case 'main-kill':
        return Number(await this.#process(fault)?.kill(durationMs))
      case 'daemon-pause':
      case 'main-pause':
        return Number(await this.#process(fault)?.pause(durationMs))
      case 'daemon-cut': {
        const mend = system.daemonProxies[fault.index]?.cut()
        await delay(durationMs)
        mend?.()
        return 1
      }
      case 'temporal-restart':
        return restart(system.temporal, durationMs)
      case 'postgres-restart':
        return restart(system.postgres, durationMs)
      case 'workflow-terminate':
        return this.#terminate(fault.count)
      case 'provider-fault':
        system.failProvider(fault.route, fault.fault, fault.count)
        return fault.count
      case 'claim-fault': {
        const { fault: kind, share } = fault
        // The killed main is away for a while, like one that `main-kill` hits.
        const kill = (target: number) => void this.system.mains[target]?.kill(durationMs)
        return this.#disturb('main', { kind, share, pathEnd: `/${CLAIM_TASKS}`, kill }, durationMs)
      }
      default:
        return this.#disturb(fault.route, { kind: fault.kind, share: fault.share }, durationMs)
    }
  }

  #process({ kind, index }: Extract<ScheduledFault, { kind: `${string}-kill` | `${string}-pause` }>) {
    return (kind.startsWith('main') ? this.system.mains : this.system.daemons)[index]
  }

  async #disturb(route: Route, disturbance: Disturbance, durationMs: number): Promise<number> {
    const { kind } = disturbance
    const proxies = this.system.proxies(route)
    const count = () => proxies.reduce((sum, proxy) => sum + proxy.disturbed[kind], 0)
    const before = count()
    const ends = proxies.map((proxy) => proxy.disturb({ ...disturbance }))
    await delay(durationMs)
    for (const end of ends) end()
    return count() - before
  }

  /** Terminates running workflows. If another fault has stopped Temporal, it terminates none. */
  async #terminate(count: number): Promise<number> {
    const connection = Connection.lazy({ address: this.system.temporal.address })
    const client = new Client({ connection })
    try {
      return await connection.withDeadline(Date.now() + 15_000, async () => {
        const running: string[] = []
        for await (const { workflowId } of client.workflow.list({ query: 'ExecutionStatus = "Running"' })) {
          running.push(workflowId)
        }
        let terminated = 0
        for (const workflowId of this.#random.shuffled(running.sort()).slice(0, count)) {
          // It may have ended meanwhile.
          terminated += await client.workflow
            .getHandle(workflowId)
            .terminate('chaos')
            .then(
              () => 1,
              () => 0,
            )
        }
        return terminated
      })
    } catch {
      return 0
    } finally {
      await connection.close()
    }
  }
}

/** One outage of a server at a time: a second one that falls into it is part of it. */
const away = new WeakSet<object>()

async function restart(
  server: { crash(): Promise<void>; startAgain(): Promise<void> },
  outageMs: number,
): Promise<number> {
  if (away.has(server)) return 0
  away.add(server)
  try {
    await server.crash()
    await delay(outageMs)
    await server.startAgain()
    return 1
  } finally {
    away.delete(server)
  }
}

function describe(fault: ScheduledFault): string {
  const forSeconds = fault.durationMs > 0 ? ` for ${(fault.durationMs / 1000).toFixed(1)} s` : ''
  switch (fault.kind) {
    case 'workflow-terminate':
      return `terminate ${fault.count} workflows`
    case 'provider-fault':
      return `${fault.route} simulator: next ${fault.count} ${fault.fault}`
    case 'claim-fault':
      return `claims: ${fault.fault} of ${Math.round(fault.share * 100)} %${forSeconds}`
    case 'temporal-restart':
    case 'postgres-restart':
      return `${fault.kind}${forSeconds}`
    case 'daemon-kill':
    case 'daemon-pause':
    case 'daemon-cut':
    case 'main-kill':
    case 'main-pause':
      return `${fault.kind} ${fault.index + 1}${forSeconds}`
    default:
      return `${fault.kind} of ${Math.round(fault.share * 100)} % of requests to ${fault.route}${forSeconds}`
  }
}

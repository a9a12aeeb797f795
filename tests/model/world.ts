import { isFinal } from '@/protocol/index.js'
import { Daemon } from './daemon.js'
import { watch } from './invariants.js'
import { type Action, Network } from './network.js'
import type { Run } from './run.js'
import { type Broken, Main, Provider, type ProviderTaskRecord, Temporal } from './servers.js'

export type Kind = 'usual' | 'time' | 'fault' | 'people'

export interface Faults {
  /** Backups are restored. Not together with expired retention: that combination is not promised. */
  restores: boolean
  expiry: boolean
  /** The provider cannot be asked what it has made, and a lost answer is left to an operator. */
  blind?: boolean
}

/** One task, its main, Temporal, provider, daemons and runs; and what must always hold between them. */
export class World {
  now = 1000
  readonly network = new Network(() => this.now, 60)
  readonly main: Main
  readonly temporal: Temporal
  readonly provider = new Provider()
  readonly daemons: Daemon[]
  readonly runs: Run[] = []

  constructor(
    readonly faults: Faults,
    readonly broken: ReadonlySet<Broken> = new Set(),
    daemons = 2,
  ) {
    this.main = new Main(() => this.now, broken)
    this.temporal = new Temporal(broken)
    this.daemons = Array.from({ length: daemons }, (_, i) => new Daemon(this, String.fromCharCode(65 + i)))
    watch(this)
  }

  /** Everything that may happen next: in the usual course, by the clock, by bad luck, by people. */
  menu(): Record<Kind, Action[]> {
    const course = [
      ...this.network.actions(),
      ...this.#parties().flatMap((party) => party.actions()),
      ...this.#providerActions(),
    ]
    return {
      usual: course.filter((action) => !action.fault),
      time: this.#clockActions(),
      fault: [...course.filter((action) => action.fault), ...this.#faultActions()],
      people: this.#peoplesActions(),
    }
  }

  /** Lets things happen without any more faults, fairly, until nothing is left to do. */
  settle(): void {
    this.temporal.available = true
    this.provider.busy = false
    for (let round = 0; round < 3000; round++) {
      if (isFinal(this.main.state) && !this.main.state.runUnseen && this.#quiet()) return
      const actions = [
        ...this.network.calmActions(),
        ...this.#parties().flatMap((party) => party.actions()),
        ...this.#providerActions().filter((action) => !action.fault),
      ]
      for (const action of actions) action.run()
      this.now += 5
    }
    throw new Error(`the task never ended: ${JSON.stringify(this.main.state)}`)
  }

  #quiet(): boolean {
    return this.#parties().every((party) => party.actions().length === 0) && this.network.calmActions().length === 0
  }

  #parties(): Array<Daemon | Run> {
    return [...this.daemons, ...this.runs]
  }

  #providerActions(): Action[] {
    return this.provider.tasks
      .filter((task) => task.status === 'running')
      .flatMap((task) => [
        { label: `the provider finishes ${task.id}`, run: () => finish(task, 'succeeded') },
        { label: `the provider fails ${task.id}`, fault: true, run: () => finish(task, 'failed') },
      ])
  }

  #clockActions(): Action[] {
    return [1, 30, 400, 4000].map((seconds) => ({ label: `${seconds} s pass`, run: () => this.#pass(seconds) }))
  }

  #pass(seconds: number): void {
    this.now += seconds
  }

  #faultActions(): Action[] {
    const { main, temporal, provider } = this
    const actions: Action[] = this.#parties().flatMap((party) => party.faults())
    const availability = temporal.available ? 'goes away' : 'comes back'
    actions.push({
      label: `Temporal ${availability}`,
      fault: true,
      run: () => {
        temporal.available = !temporal.available
      },
    })
    actions.push({
      label: provider.busy ? 'the provider takes tasks again' : 'the provider says "not now"',
      fault: true,
      run: () => {
        provider.busy = !provider.busy
      },
    })
    if (this.faults.expiry) {
      for (const execution of temporal.expirable()) {
        actions.push({
          label: `retention of ${execution.runId} ends`,
          fault: true,
          run: () => temporal.expire(execution),
        })
      }
    }
    if (this.faults.restores) {
      actions.push({ label: 'main is backed up', fault: true, run: () => main.backUp() })
      actions.push({ label: 'main is restored from its backup', fault: true, run: () => main.restore() })
    }
    return actions
  }

  #peoplesActions(): Action[] {
    const { main } = this
    return [
      {
        label: 'an operator asks for a retry',
        run: () => void main.handle({ from: 'operator', status: 'retry', by: 'ops', extraAttempts: 1 }),
      },
      {
        label: 'the application cancels the task',
        run: () => void main.handle({ from: 'operator', status: 'cancelled', by: 'app' }),
      },
      {
        label: 'an operator lets the task through',
        run: () => void main.handle({ from: 'operator', status: 'letThrough', by: 'ops', reason: 'urgent' }),
      },
    ]
  }
}

function finish(task: ProviderTaskRecord, status: 'succeeded' | 'failed'): void {
  task.status = status
}

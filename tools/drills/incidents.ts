/** The incidents: how each begins, what whoever is called is told, and what is left until it is over. */
import type { DrillSystem } from './system.js'

export interface Incident {
  name: string
  /** As a pager, or a user, would say it. */
  told: string
  stage(system: DrillSystem): Promise<void>
  /** What an operator has still to do although new tasks are done again; null if nothing. */
  left?(system: DrillSystem): Promise<string | null>
}

const FLOOD = 300
const HOPELESS = 200
/** As many open tasks of a user are nothing to act upon. */
const USUAL = 20

/** Failed tasks that users still wait for. */
async function failedLeft(system: DrillSystem, code: string): Promise<string | null> {
  const count = await system.count({ status: 'failed', code })
  return count === 0 ? null : `${count} tasks have failed as ${code}, and could be done now`
}

/** What one user has asked for too much. */
async function openLeft(system: DrillSystem, integration: string): Promise<string | null> {
  const count = await system.count({ integration, status: 'pending', user: 'ben' })
  return count <= USUAL ? null : `${count} or more tasks of ben wait, which nobody wants`
}

export const INCIDENTS: readonly Incident[] = [
  {
    name: 'provider-down',
    told: 'Users say that no video is done any more.',
    stage: async (system) => void system.arkProxy.cut(),
  },
  {
    name: 'wrong-key',
    told: 'AttemptsFail: videos have failed since somebody changed the deployment.',
    async stage(system) {
      for (const name of ['daemon-1', 'daemon-2'] as const)
        await system.restart(name, { ARK_API_KEY: 'k-3f9a71c2e84d' })
    },
    left: (system) => failedLeft(system, 'AuthenticationError'),
  },
  {
    name: 'poisoned-tasks',
    told: 'AttemptsFail: more than a fifth of the attempts fail. anna says that her videos take long.',
    async stage(system) {
      for (let count = 0; count < HOPELESS; count++) {
        await system.create('video', 'ben', { prompt: `an advert, version ${count} [fail]` })
      }
    },
    left: (system) => openLeft(system, 'fangzhouVideoGeneration'),
  },
  {
    name: 'stuck-daemon',
    told: 'ProcessDown: one of the daemons does not answer.',
    stage: async (system) => system.freeze('daemon-1'),
    left: async (system) =>
      (await answers(`${system.urls['daemon-1']}/livez`)) ? null : 'daemon-1 hangs, and what it claimed waits',
  },
  {
    name: 'database-away',
    told: 'DatabaseAway: users get errors.',
    stage: (system) => system.postgres.crash(),
  },
  {
    name: 'queue-grows',
    told: 'Since main was deployed anew, tests are not done: there are ever more.',
    stage: (system) => system.restart('main', { TEST_MAX_TASKS_IN_FLIGHT: '0' }),
  },
  {
    name: 'one-user-floods',
    told: 'cleo says that her tests do not begin.',
    async stage(system) {
      await system.restart('main', { TEST_MAX_TASKS_IN_FLIGHT: '4' })
      const creating = Array.from({ length: FLOOD }, () =>
        system.create('test', 'ben', { kind: 'longRunning', durationMs: 60_000 }),
      )
      await Promise.all(creating)
    },
    left: (system) => openLeft(system, 'testAsyncTask'),
  },
  {
    name: 'lost-answers',
    told: 'AmbiguousCreate: images fail as create_answer_lost.',
    stage: async ({ providers }) => providers.images.faults.set({ acceptThenReset: '100%' }),
    left: (system) => failedLeft(system, 'create_answer_lost'),
  },
  {
    name: 'wrong-token',
    told: 'Since the daemons were deployed anew, nothing begins.',
    async stage(system) {
      for (const name of ['daemon-1', 'daemon-2'] as const) {
        await system.restart(name, { INTERNAL_API_TOKEN: 'a-token-of-another-deployment' })
      }
    },
  },
  {
    name: 'temporal-away',
    told: 'Nothing begins any more, anywhere.',
    stage: (system) => system.temporal.crash(),
  },
]

function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    () => true,
    () => false,
  )
}

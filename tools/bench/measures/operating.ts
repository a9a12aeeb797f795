/**
 * What operators look at, beside a million tasks of the last day: most have ended, a fifth waits, thousands are in
 * flight, and a month was paid for by ten thousand users. Everything that is counted reaches the number at which
 * counting stops.
 */
import type { Controller } from 'interaqt'
import type { MainComponent } from '../../../main-component/index.js'
import { DEFAULT_TASK_POLICY, type Prices } from '../../../protocol/index.js'
import { databaseOf, physicalEntity } from '../../../tasks/database/sql.js'
import { callEntityNames } from '../../../tasks/entities.js'
import { readNewest } from '../../../tasks/operators/change-feed.js'
import { readSpendNumbers, SPEND } from '../../../tasks/spend.js'
import { readTaskNumbers } from '../../../tasks/task-numbers.js'
import { TaskStore } from '../../../tasks/task-store.js'
import { multiplyTask } from '../../../tests/support/rows.js'
import { events, plantTask } from '../../../tests/support/tasks.js'
import { BENCH_TOKEN, withMains } from '../in-process.js'
import { withoutIndexes } from '../many-rows.js'
import type { Figures, Measure } from '../measure.js'
import { median } from '../statistics.js'
import { DATABASES } from '../system.js'

const NAMES = callEntityNames('TestAsyncTask')
const PRICES: Prices = { currency: 'USD', create: 10_000, units: {} }
const TURNS = 15
const DAY_SECONDS = 86_400
const USERS = 10_000
/** How many of all tasks there are, and what happened to them. */
const KINDS = [
  [0.69, [events.queued(1, 1), events.processing(1), events.completed(1)]],
  [0.1, [events.queued(1, 1), events.failed(1, 0, false)]],
  [0.2, []],
  [0.01, [events.queued(1, 4e9), events.processing(1)]],
] as const

/** Of the list, by name; each is paged both ways from its midst. */
const LISTS: Record<string, string> = {
  all: '',
  completed: 'status=completed',
  pending: 'status=pending',
  code: 'code=broken',
  user: 'user=user-7',
  userAndStatus: 'user=user-7&status=failed',
  time: `createdBefore=${Math.floor(Date.now() / 1000) - DAY_SECONDS / 2}`,
  statusAndTime: `status=failed&createdFrom=${Math.floor(Date.now() / 1000) - DAY_SECONDS / 2}`,
}

export const operating: Measure = {
  title: 'What operators look at, beside 1,000,000 tasks of the last day: median milliseconds of an answer',
  databases: DATABASES,
  once: true,
  run: ({ database, rows }) =>
    withMains(
      database,
      1,
      async ([main]) => {
        if (!main) throw new Error('There is no main')
        await plant(main.controller, rows)
        return look(main)
      },
      PRICES,
    ),
}

async function look({ controller, url }: MainComponent): Promise<Figures> {
  const store = new TaskStore(controller, NAMES, { policy: { ...DEFAULT_TASK_POLICY, prices: PRICES } })
  const ask = async (path: string, body?: object) => {
    const headers = { authorization: `Bearer ${BENCH_TOKEN}`, 'content-type': 'application/json' }
    const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers }
    const response = await globalThis.fetch(`${url}/api/${path}`, init)
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${await response.text()}`)
    return response.json()
  }
  const figures: Figures = {}
  figures.firstHistoryMs = await ms(() => ask('operator/history?span=day'), 1)
  figures.historyMs = await ms(() => ask('operator/history?span=day'))
  figures.statsMs = await ms(() => ask('operator/stats'))
  figures.stateMs = await ms(() => ask('testAsyncTask/integrationState'))
  figures.changesMs = await ms(() => readNewest(store))
  figures.metricsMs = await ms(async () => [await readTaskNumbers(store), await readSpendNumbers(store, PRICES)])
  const dryRun = { by: 'bench', dryRun: true, filter: { code: 'broken' } }
  figures.dryRunMs = await ms(() => ask('operator/retryMany', dryRun))
  let oneTask = ''
  const slowest: number[] = []
  for (const [name, filter] of Object.entries(LISTS)) {
    const list = (more = '') => ask(`operator/tasks?limit=50&${filter}${more}`)
    const { tasks, next } = await list()
    oneTask = tasks[0].taskId
    const times = [await ms(list)]
    if (next !== null) {
      const { previous } = await list(`&after=${next}`)
      times.push(await ms(() => list(`&after=${next}`)), await ms(() => list(`&before=${previous}`)))
    }
    figures[`list${name.charAt(0).toUpperCase()}${name.slice(1)}Ms`] = Math.max(...times)
    slowest.push(...times)
  }
  figures.taskMs = await ms(() => ask(`operator/tasks/${oneTask}`))
  figures.slowestListMs = Math.max(...slowest)
  return figures
}

/** Of the median; the first ones prepare statements. */
async function ms(work: () => Promise<unknown>, turns = TURNS): Promise<number> {
  const times: number[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    const from = performance.now()
    await work()
    times.push(performance.now() - from)
  }
  return median(turns > 5 ? times.slice(3) : times)
}

async function plant(controller: Controller, rows: number): Promise<void> {
  const database = databaseOf(controller)
  const [calls, ofEvents] = [
    physicalEntity(controller, NAMES.apiCall),
    physicalEntity(controller, NAMES.integrationEvent),
  ]
  const now = Date.now() / 1000
  await withoutIndexes(controller, NAMES.apiCall, async () => {
    for (const [share, history] of KINDS) {
      const count = Math.ceil(share * rows)
      const id = await plantTask(controller, { createdAt: now, events: [...history] })
      await multiplyTask(controller, NAMES, id, count, {
        createdAt: `${now} - ${DAY_SECONDS}::float8 * n / ${count}`,
        userId: `'user-' || n % ${USERS}`,
      })
    }
  })
  const columns = ['apiCallId', 'eventType', 'attempt', 'at', 'data', 'id'].map(ofEvents.column).join(', ')
  const status = calls.column('status')
  const data = `json_build_object('type', ${status}, 'error', json_build_object('code', 'broken'))`
  const eventId = ofEvents.idType === 'uuid' ? 'gen_random_uuid()' : '1000000000 + row_number() OVER ()'
  await withoutIndexes(controller, NAMES.integrationEvent, () =>
    database.scheme(
      `INSERT INTO ${ofEvents.table} (${columns}) SELECT ${calls.column('id')}::text, ${status}, 1,` +
        ` ${calls.column('createdAt')}, ${data}, ${eventId} FROM ${calls.table}` +
        ` WHERE ${status} IN ('completed', 'failed')`,
    ),
  )
  const day = (ago: string) => `to_char((now() AT TIME ZONE 'UTC') - ${ago} * interval '1 day', 'YYYY-MM-DD')`
  const whose = `SELECT '*' AS who UNION ALL SELECT '=user-' || n FROM generate_series(1, ${USERS}) AS n`
  const spent = (period: string, from: string) =>
    database.scheme(
      `INSERT INTO ${SPEND} SELECT '${NAMES.apiCall}', who, ${period}, 'USD', 0, 10000 * length(who), 10 FROM (${whose}) AS users${from}`,
    )
  await spent(day('d'), ', generate_series(0, 29) AS d')
  await spent("to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')", '')
  await database.scheme(`VACUUM ANALYZE ${SPEND}`)
}

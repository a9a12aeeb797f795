/** What each figure is to be, on two cores. */
import type { DatabaseKind } from './system.js'

export interface Goal {
  says: string
  measure: string
  database: DatabaseKind
  figure: string
  is: 'at least' | 'at most'
  bound: number
  unit?: 'ms' | 'MB' | '/s'
}

/** The goals of a measure on a database, as `[figure, what it says, whether a lower bound, the bound, its unit]`. */
type Row = [figure: string, says: string, is: '>=' | '<=', bound: number, unit?: Goal['unit']]

function goals(measure: string, database: DatabaseKind, rows: Row[]): Goal[] {
  return rows.map(([figure, says, is, bound, unit]) => ({
    ...{ says, measure, database, figure, bound },
    is: is === '>=' ? 'at least' : 'at most',
    ...(unit !== undefined && { unit }),
  }))
}

const besideAMillion: Row[] = [
  ...(['Due', 'NotDue', 'AtCapacity', 'Final'] as const).flatMap((kind): Row[] => {
    const rows = kind.replace(/([A-Z])/g, ' $1').toLowerCase()
    return [
      [`fetch${kind}ToFew`, `a fetch beside 1,000,000 rows / 1,000 rows,${rows}`, '<=', 1.5],
      [`claim${kind}ToFew`, `a claim beside 1,000,000 rows / 1,000 rows,${rows}`, '<=', 1.5],
    ]
  }),
  ['lifeToFew', 'a task’s life at 1,000,000 pending / at 1,000', '<=', 1.2],
]
const operated: Row[] = [
  ['statsMs', 'an operator’s stats, 1,000,000 tasks a day', '<=', 100, 'ms'],
  ['slowestListMs', 'the slowest page of an operator’s list, any filter, both ways', '<=', 100, 'ms'],
  ['historyMs', 'the ends of a day for an operator’s plots', '<=', 100, 'ms'],
  ['changesMs', 'a look for what has changed', '<=', 100, 'ms'],
  ['metricsMs', 'counting for metrics', '<=', 100, 'ms'],
]
const creates = (perSecond: number): Row[] => [
  ['tasksPerSecond', 'creating tasks over HTTP, 50 connections', '>=', perSecond, '/s'],
  ['p99Ms', 'creating a task over HTTP, 50 connections: p99', '<=', 300, 'ms'],
]

export const GOALS: readonly Goal[] = [
  ...goals('dispatch', 'postgresql', [
    ['toBare', 'dispatch / bare starts', '>=', 0.9],
    ['machineToBare', 'machine time of a dispatch / of a bare start', '<=', 1.15],
    ['dispatcherToBareClient', 'daemon’s time per dispatch / a bare client’s per start', '<=', 1.3],
  ]),
  ...goals('dispatch', 'pglite', [['toBare', 'dispatch / bare starts', '>=', 0.75]]),
  ...goals('claim', 'postgresql', [['inBatchMainMs', 'main’s own time per claimed task, 32 at once', '<=', 0.3, 'ms']]),
  ...goals('life', 'postgresql', [
    ['restOfLifeMs', 'main’s and PostgreSQL’s time for begin, processing, completed', '<=', 3, 'ms'],
    ['completedToBare', 'completed tasks / the same workflows without main', '>=', 0.8],
  ]),
  ...goals('observing', 'postgresql', [['toWithout', 'completed tasks with traces and metrics / without', '>=', 0.97]]),
  ...goals('observingWaits', 'postgresql', [['toWithout', 'the same, of tasks that wait for 300 ms', '>=', 0.97]]),
  ...goals('observingDispatch', 'postgresql', [
    ['toWithout', 'dispatched tasks with traces and metrics / without', '>=', 0.97],
  ]),
  ...goals('pickup', 'postgresql', [
    ['fromAnswerP50ToBareStart', 'pick-up from the create’s answer, p50 / a bare start’s p50', '<=', 1.5],
    ['fromAnswerP99ToBareStart', 'pick-up from the create’s answer, p99 / a bare start’s p50', '<=', 6],
    ['fromRequestP50ToBareStart', 'pick-up from the create’s request, p50 / a bare start’s p50', '<=', 3.5],
    ['afterQuietP50ToBareStart', 'the same after 5 s of quiet', '<=', 5],
  ]),
  ...goals('create', 'postgresql', creates(300)),
  ...goals('create', 'pglite', creates(150)),
  ...goals('fetch', 'postgresql', besideAMillion),
  ...goals('fetch', 'pglite', besideAMillion),
  ...goals('operating', 'postgresql', operated),
  ...goals('operating', 'pglite', operated),
  ...goals('idle', 'postgresql', [
    ['requestsPerMinuteAndIntegration', '50 idle integrations: requests to main, each a minute', '<=', 3],
    ['mainCores', '50 idle integrations: main’s cores', '<=', 0.01],
    ['daemonCores', '50 idle integrations: the daemon’s cores', '<=', 0.01],
  ]),
  ...goals('workers', 'pglite', [
    ['readyToBare', 'start of 20 integrations / of 20 bare Workers', '<=', 1.1],
    ['megabytesToBare', 'memory of 20 integrations / of 20 bare Workers', '<=', 1.1],
  ]),
  ...goals('start', 'pglite', [
    ['daemonReadyMs', 'a daemon of three integrations ready, bundles present', '<=', 2000, 'ms'],
    ['daemonReadyWithoutBundlesMs', 'the same, bundles absent', '<=', 5000, 'ms'],
  ]),
  ...goals('memory', 'pglite', [['mainMegabytes', 'main idle: memory', '<=', 400, 'MB']]),
  ...goals('memory', 'postgresql', [['mainMegabytes', 'main idle: memory', '<=', 180, 'MB']]),
  ...goals('demo', 'pglite', [['toFirstTaskMs', '`npm run demo` to the first task', '<=', 6000, 'ms']]),
  ...goals('isolation', 'postgresql', [['p99ToCalm', 'others’ pick-up p99 amid trouble / without', '<=', 1.2]]),
]

export function isMet({ is, bound }: Pick<Goal, 'is' | 'bound'>, value: number): boolean {
  return is === 'at least' ? value >= bound : value <= bound
}

/** What was simulated, as Markdown. */
import { rounded, table } from '../bench/tables.js'
import type { Outcome } from './model.js'
import { checks, run, type Scenario, scenarios } from './scenarios.js'
import { type Measured, serviceTimes } from './service-times.js'

export function describe(measured: Measured): string {
  return [
    measured.cleanRounds === 0 ? DISTURBED : '',
    'Service times, milliseconds of a processor:',
    serviceTable(measured),
    'The model beside the bench, on two cores:',
    table(
      ['', 'simulated', 'measured', 'simulated / measured'],
      checks(measured).map(({ what, simulated, measured: found }) =>
        row([what, rounded(simulated), rounded(found), rounded(simulated / found)]),
      ),
    ),
    'Set-ups, each sized so that no part is busy for more than 70 % of the time:',
    scenarioTable(scenarios(measured).map((scenario) => ({ scenario, outcome: run(scenario, measured) }))),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

const DISTURBED =
  '**Others used the machine while this was measured: the service times are too high, and so are the set-ups.**'

function serviceTable(measured: Measured): string {
  const { create, claimRequest, claimedTask, start, activity, report, parked } = serviceTimes(measured)
  const cell = (value?: number) => (value === undefined ? '' : rounded(value))
  const line = (what: string, of: { main?: number; postgres?: number; daemon?: number; temporal?: number }) =>
    row([what, cell(of.main), cell(of.postgres), cell(of.daemon), cell(of.temporal)])
  return table(
    ['', 'main', 'PostgreSQL', 'daemon', 'Temporal'],
    [
      line('a task created', create),
      line('a request that claims', claimRequest),
      line('a task claimed by it', claimedTask),
      line('a workflow started', start),
      line('an activity (a task has four)', activity),
      line('a report (a task has three)', report),
      line('a second of a parked request', parked),
    ],
  )
}

function scenarioTable(all: Array<{ scenario: Scenario; outcome: Outcome }>): string {
  const percent = (share: number) => `${Math.round(100 * share)} %`
  const rows: Array<[string, (scenario: Scenario, outcome: Outcome) => string]> = [
    ['tasks a day, if it is so all day', ({ load }) => rounded(load.perSecond * 86_400)],
    ['integrations', ({ setup }) => rounded(setup.integrations)],
    ['mains, a core each', ({ setup }) => rounded(setup.mains)],
    ['daemons × cores', ({ setup }) => `${setup.daemons} × ${setup.daemonCores}`],
    ['databases × cores', ({ setup }) => `${setup.databases} × ${setup.postgresCores}`],
    ['Temporal’s cores', ({ setup }) => rounded(setup.temporalCores)],
    ['started a second', (_, outcome) => rounded(outcome.startedPerSecond)],
    ['pick-up p50, p99', (_, { pickupMs }) => `${rounded(pickupMs?.p50 ?? 0)} ms, ${rounded(pickupMs?.p99 ?? 0)} ms`],
    ['not started at the end', (_, { behind }) => rounded(behind)],
    ['busy: mains', (_, { busy }) => percent(busy.main)],
    ['busy: PostgreSQL', (_, { busy }) => percent(busy.postgres)],
    ['busy: daemons', (_, { busy }) => percent(busy.daemon)],
    ['busy: Temporal', (_, { busy }) => percent(busy.temporal)],
    ['tasks in a request that claims', (_, { claimed, claimRequests }) => rounded(claimed / claimRequests)],
    ['parked requests at most', ({ setup }) => rounded(setup.daemons * setup.integrations)],
    ['parked requests of each main', ({ setup }) => rounded((setup.daemons * setup.integrations) / setup.mains)],
    ['connections to each database', ({ setup }) => rounded(connections(setup))],
  ]
  return table(
    ['', ...all.map(({ scenario }) => scenario.name)],
    rows.map(([what, of]) => row([what, ...all.map(({ scenario, outcome }) => of(scenario, outcome))])),
  )
}

/** Those of a main's pool, at most, and the one over which it hears what others have done. */
const CONNECTIONS_OF_A_MAIN = 20 + 1

function connections({ mains, databases }: Scenario['setup']): number {
  return Math.ceil(mains / databases) * CONNECTIONS_OF_A_MAIN
}

function row(cells: string[]): string {
  return `| ${cells.join(' | ')} |`
}

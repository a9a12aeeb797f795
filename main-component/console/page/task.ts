/** Everything that is known of a task. */
import { html } from 'htm/preact'
import { useContext, useState } from 'preact/hooks'
import type { Run, Task as WholeTask } from './answers.js'
import { Console } from './context.js'
import { useLoaded } from './loading.js'
import { JSONFold, LoadState, OutsideLink, Table } from './parts.js'
import { Result } from './result.js'
import { linkTo } from './route.js'
import { Status } from './status.js'
import { type ActAsked, isOverBudget, mayCancel, mayRetry, TaskAct } from './task-act.js'
import { Timeline } from './timeline.js'
import { Ago, At } from './times.js'
import { chargeOf, costOf, counted, duration, inWords } from './words.js'

/** What it waits for changes without an event of its own. */
const EVERY_MS = 5000

export function Task({ taskId }: { taskId: string }) {
  const { apis } = useContext(Console)
  const [asked, setAsked] = useState<ActAsked>()
  const loaded = useLoaded({
    key: taskId,
    load: (signal) => apis.task(taskId, signal),
    concerns: ({ tasks }) => tasks.includes(taskId),
    everyMs: EVERY_MS,
  })
  const { value: task, reload } = loaded
  const close = () => {
    setAsked(undefined)
    reload()
  }
  return html`<p class="up"><a href=${linkTo('tasks')}>Tasks</a></p>
    <header class="title">
      <h1 tabindex="-1">Task <span class="id">${taskId}</span></h1>
      ${task && html`<${Status} of=${task.status} />`}
      ${
        task &&
        html`<div class="buttons">
          ${isOverBudget(task) && html`<button type="button" onClick=${() => setAsked('letThrough')}>Let through …</button>`}
          <button type="button" disabled=${!mayRetry(task)} onClick=${() => setAsked('retry')}>Retry …</button>
          <button type="button" disabled=${!mayCancel(task)} onClick=${() => setAsked('cancel')}>Cancel …</button>
        </div>`
      }
    </header>
    <${LoadState} loaded=${loaded} />
    ${task && html`<${Shown} task=${task} />`}
    ${task && asked && html`<${TaskAct} act=${asked} task=${task} close=${close} />`}`
}

function Shown({ task }: { task: WholeTask }) {
  return html`${task.waitingFor && html`<${WaitingFor} waitingFor=${task.waitingFor} />`}
    ${task.error && html`<div class="notice bad"><p><b>${task.error.code}</b></p><p class="text">${task.error.message}</p></div>`}
    ${task.openIntents.length > 0 && html`<${OpenIntents} attempts=${task.openIntents} />`}
    <div class="columns">
      <section class="panel" aria-label="Facts"><${Facts} task=${task} /></section>
      <section class="panel" aria-label="Result">
        <h2>Result</h2>
        <${Result} result=${task.result} />
        <${JSONFold} title="Request" value=${task.requestParams} />
        <${JSONFold} title="Everything, as JSON" value=${task} />
      </section>
    </div>
    <section class="panel" aria-label="Timeline">
      <h2>Timeline</h2>
      <${Timeline} task=${task} />
    </section>
    <section class="panel" aria-label="Attempts">
      <h2>Attempts</h2>
      ${task.runs.length === 0 ? html`<p class="quiet">None was begun yet.</p>` : html`<${Runs} runs=${task.runs} />`}
    </section>`
}

function WaitingFor({ waitingFor }: { waitingFor: NonNullable<WholeTask['waitingFor']> }) {
  const { code, message, since, nextTryAt } = waitingFor
  return html`<div class="notice held">
    <p>It waits: <b>${inWords(code)}</b>${since !== null && html`, since <${Ago} at=${since} />`}${nextTryAt !== null && html`, tried again <${Ago} at=${nextTryAt} />`}</p>
    <p class="text">${message}</p>
  </div>`
}

function OpenIntents({ attempts }: { attempts: number[] }) {
  return html`<p class="notice held">
    Nobody knows whether the provider has begun something, which it may charge for, in ${attempts.length === 1 ? 'attempt' : 'attempts'} ${attempts.join(', ')}.
  </p>`
}

function Facts({ task }: { task: WholeTask }) {
  const { claim, providerTask } = task
  const fact = (name: string, value: unknown) => html`<dt>${name}</dt><dd>${value}</dd>`
  return html`<h2>Facts</h2>
    <dl class="facts">
      ${fact('Integration', html`<a href=${linkTo('tasks', { integration: task.integration })}>${task.integration}</a>`)}
      ${fact('User', task.userId === null ? '–' : html`<a href=${linkTo('tasks', { user: task.userId })}>${task.userId}</a>`)}
      ${fact('Created', html`<${At} at=${task.createdAt} />, <${Ago} at=${task.createdAt} />`)}
      ${fact(inWords(task.status), html`since <${At} at=${task.statusSince ?? task.createdAt} />, <${Ago} at=${task.statusSince ?? task.createdAt} />`)}
      ${task.dueAt !== null && fact('Due', html`<${At} at=${task.dueAt} />, <${Ago} at=${task.dueAt} />`)}
      ${fact('Attempts', `${task.attempts} of ${task.attemptLimit} have ended${task.status === 'failed' && !task.retryable ? '; the failure is final' : ''}`)}
      ${
        claim &&
        fact(
          'Claim',
          html`since <${Ago} at=${claim.since} />, its lease ends <${Ago} at=${claim.leaseExpiresAt} />${claim.takeOver && ', a take-over'}`,
        )
      }
      ${fact('Last look at its run', html`<${Ago} at=${task.checkedAt} />`)}
      ${fact('At the provider', providerTask ? html`<span class="id">${providerTask.id}</span> (attempt ${providerTask.attempt})` : '–')}
      ${task.spend && fact('Cost', costOf(task.spend))}
      ${task.letThrough && fact('Budget', 'an operator lets it through')}
      ${fact('Row', html`<span class="id">${task.apiCallId}</span>`)}
    </dl>`
}

function Runs({ runs }: { runs: Run[] }) {
  const columns = ['#', 'Claimed', 'Ended', 'Took', 'Cost', 'Outcome', 'Workflow']
  return html`<${Table} label="Attempts, a table" columns=${columns}>
    ${runs.map(
      (run) => html`<tr key=${run.attempt}>
        <th scope="row">${run.attempt}</th>
        <td><${At} at=${run.claimedAt} /></td>
        <td><${At} at=${run.endedAt} /></td>
        <td class="number">${run.endedAt !== null && run.claimedAt !== null ? duration(run.endedAt - run.claimedAt) : '–'}</td>
        <td class="number">${run.charge === null ? '–' : chargeOf(run.charge)}</td>
        <td>
          ${run.outcome === null ? 'under way' : html`<${Status} of=${run.outcome} />`}
          ${run.takeOvers > 0 && html` <span class="quiet">${counted(run.takeOvers, 'take-over')}</span>`}
          ${run.error && html`<div class="text">${run.error.code}: ${run.error.message}</div>`}
        </td>
        <td class="id">${run.link === null ? run.workflowId : html`<${OutsideLink} url=${run.link}>${run.workflowId}<//>`}</td>
      </tr>`,
    )}
  <//>`
}

/** Tasks in rows that may be chosen. On a narrow screen each is a block of its own: the roles keep it a table. */
import { html } from 'htm/preact'
import type { ListedTask } from './answers.js'
import { linkTo, linkToTask } from './route.js'
import { Status } from './status.js'
import { Ago, Since } from './times.js'

export type Chosen = ReadonlyMap<string, ListedTask>

interface TaskTableProps {
  tasks: ListedTask[]
  chosen: Chosen
  choose(chosen: Chosen): void
}

const COLUMNS = ['Task', 'Integration', 'Status', 'For', 'Attempts', 'User', 'Created', 'Error']

export function TaskTable({ tasks, chosen, choose }: TaskTableProps) {
  if (tasks.length === 0)
    return html`<p class="quiet empty">No task matches. <a href=${linkTo('tasks')}>Clear the filters</a></p>`
  const areAllChosen = tasks.every(({ taskId }) => chosen.has(taskId))
  const chooseAll = () => {
    const rest = new Map(chosen)
    for (const task of tasks) {
      if (areAllChosen) rest.delete(task.taskId)
      else rest.set(task.taskId, task)
    }
    choose(rest)
  }
  const toggle = (task: ListedTask) => {
    const rest = new Map(chosen)
    if (!rest.delete(task.taskId)) rest.set(task.taskId, task)
    choose(rest)
  }
  return html`<table class="tasks" role="table" aria-label="Tasks">
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col" class="box">
          <input type="checkbox" aria-label="Choose all on this page" checked=${areAllChosen} onChange=${chooseAll} />
        </th>
        ${COLUMNS.map((name) => html`<th role="columnheader" scope="col" key=${name}>${name}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${tasks.map((task) => html`<${Row} key=${task.taskId} task=${task} isChosen=${chosen.has(task.taskId)} toggle=${toggle} />`)}
    </tbody>
  </table>`
}

interface RowProps {
  task: ListedTask
  isChosen: boolean
  toggle(task: ListedTask): void
}

function Row({ task, isChosen, toggle }: RowProps) {
  const { taskId, integration, status, statusSince, attempts, userId, createdAt, error } = task
  return html`<tr role="row" class=${isChosen ? 'chosen' : ''}>
    <td role="cell" class="box">
      <input type="checkbox" aria-label=${`Choose task ${taskId}`} checked=${isChosen} onChange=${() => toggle(task)} />
    </td>
    <td role="cell" class="id"><a href=${linkToTask(taskId)}>${taskId}</a></td>
    <td role="cell" data-label="Integration" class="cut" title=${integration}>${integration}</td>
    <td role="cell" data-label="Status"><${Status} of=${status} /></td>
    <td role="cell" data-label="For" class="number"><${Since} at=${statusSince} isRough /></td>
    <td role="cell" data-label="Attempts" class="number">${attempts}</td>
    <td role="cell" data-label="User" class="cut">
      ${userId === null ? '–' : html`<a href=${linkTo('tasks', { user: userId })} title=${userId}>${userId}</a>`}
    </td>
    <td role="cell" data-label="Created" class="number"><${Ago} at=${createdAt} isRough /></td>
    <td role="cell" data-label="Error" class="cut">${error && html`<span title=${error.message}>${error.code}</span>`}</td>
  </tr>`
}

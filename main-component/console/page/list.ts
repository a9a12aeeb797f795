/** The list of tasks, by filters that stand in the address, in pages. */
import { html } from 'htm/preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import type { ListedTask } from './answers.js'
import { Bulk, type Target } from './bulk.js'
import { Console } from './context.js'
import { cancelFilter, FilterForm, filterOf, retryFilter } from './filters.js'
import { useLoaded } from './loading.js'
import { LoadState } from './parts.js'
import { linkTo } from './route.js'
import { TaskTable } from './task-table.js'
import { counted } from './words.js'

const PAGE = 50

interface Asked {
  act: 'retry' | 'cancel'
  target: Target
}

export function List({ query }: { query: Record<string, string> }) {
  const { apis, live } = useContext(Console)
  const filter = filterOf(query)
  const { after, before } = query
  const key = JSON.stringify({ ...filter, after, before })
  const loaded = useLoaded({
    key,
    load: (signal) => apis.list({ ...filter, after, before, limit: PAGE }, signal),
    concerns: ({ integrations }) => !filter.integration || integrations.includes(String(filter.integration)),
  })
  const { value } = loaded
  const [chosen, setChosen] = useState<ReadonlyMap<string, ListedTask>>(new Map())
  const [asked, setAsked] = useState<Asked>()
  const filterKey = JSON.stringify(filter)
  useEffect(() => setChosen(new Map()), [filterKey])
  const done = () => {
    setAsked(undefined)
    setChosen(new Map())
    live.wake()
  }
  return html`<h1 tabindex="-1">Tasks</h1>
    <${FilterForm} filter=${filter} />
    <${Acting} filter=${filter} chosen=${chosen} ask=${setAsked} />
    <${LoadState} loaded=${loaded} />
    ${value && html`<${TaskTable} tasks=${value.tasks} chosen=${chosen} choose=${setChosen} />`}
    ${
      value &&
      html`<nav class="pages" aria-label="Pages of the list">
      ${value.previous ? html`<a href=${linkTo('tasks', { ...filter, before: value.previous })}>← Newer</a>` : html`<span class="quiet">These are the newest</span>`}
      ${(after || before) && html`<a href=${linkTo('tasks', filter)}>Newest</a>`}
      ${value.next ? html`<a href=${linkTo('tasks', { ...filter, after: value.next })}>Older →</a>` : html`<span class="quiet">There are no older ones</span>`}
    </nav>`
    }
    ${asked && html`<${Bulk} act=${asked.act} target=${asked.target} close=${done} />`}`
}

interface ActingProps {
  filter: ReturnType<typeof filterOf>
  chosen: ReadonlyMap<string, ListedTask>
  ask(asked: Asked): void
}

/** What may be done with the chosen ones, or with all that the filters find. */
function Acting({ filter, chosen, ask }: ActingProps) {
  const tasks = [...chosen.values()]
  const all = { retry: retryFilter(filter), cancel: cancelFilter(filter) }
  const button = (act: Asked['act'], words: string, target: Target | undefined) => html`<button
    type="button"
    disabled=${target === undefined}
    onClick=${() => target && ask({ act, target })}
  >${words}</button>`
  const ofChosen = tasks.length > 0 ? { tasks } : undefined
  return html`<div class="acting">
    <div role="group" aria-label="The chosen tasks">
      <span role="status">${tasks.length === 0 ? 'None chosen' : `${counted(tasks.length, 'task')} chosen`}</span>
      ${button('retry', 'Retry chosen …', ofChosen)} ${button('cancel', 'Cancel chosen …', ofChosen)}
    </div>
    <div role="group" aria-label="All tasks that the filters find">
      <span>${Object.keys(filter).length === 0 ? 'All (set a filter first)' : 'All that match'}</span>
      ${button('retry', 'Retry all …', all.retry && { filter: all.retry })}
      ${button('cancel', 'Cancel all …', all.cancel && { filter: all.cancel })}
    </div>
  </div>`
}

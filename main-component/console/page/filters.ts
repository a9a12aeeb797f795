/** The list's filters: from the address into a form, and back. They have the names that main's API gives them. */
import { html } from 'htm/preact'
import { useContext } from 'preact/hooks'
import { Console } from './context.js'
import { useLoaded } from './loading.js'
import { linkTo } from './route.js'
import { STATUSES } from './status.js'

const FIELDS = ['integration', 'status', 'code', 'user', 'id', 'createdFrom', 'createdBefore'] as const
const TIMES = ['createdFrom', 'createdBefore'] as const

export type Filter = Partial<Record<(typeof FIELDS)[number], string | number>>

export function filterOf(query: Record<string, string>): Filter {
  const given = FIELDS.flatMap((name) => (query[name] ? [[name, query[name]] as const] : []))
  return Object.fromEntries(given)
}

/** The filter as acts on many take it, with numbers as numbers. */
function forActs({ createdFrom, createdBefore, ...others }: Filter): Filter {
  const times = Object.entries({ createdFrom, createdBefore }).filter(([, time]) => time !== undefined)
  return { ...others, ...Object.fromEntries(times.map(([name, time]) => [name, Number(time)])) }
}

/**
 * What a retry of all is asked with: it retries what has failed. Undefined if the filter finds none such, or everything.
 * Main wants more than a status to be named: all that have failed are those until now.
 */
export function retryFilter({ status, ...filter }: Filter): Filter | undefined {
  if (status !== undefined && status !== 'failed') return undefined
  if (Object.keys(filter).length > 0) return forActs(filter)
  return status === undefined ? undefined : { createdBefore: Math.ceil(Date.now() / 1000) }
}

/** What a cancellation of all is asked with. Undefined if the filter finds only what is over, or everything. */
export function cancelFilter(filter: Filter): Filter | undefined {
  if (filter.status === 'completed' || filter.status === 'cancelled') return undefined
  return Object.keys(filter).length === 0 ? undefined : forActs(filter)
}

/** The filter for people. */
export function filterInWords(filter: Filter): string {
  const words: Record<string, string> = { createdFrom: 'created from', createdBefore: 'created before', id: 'id has' }
  return Object.entries(filter)
    .map(([name, value]) => {
      const isTime = TIMES.some((time) => time === name)
      return `${words[name] ?? name} ${isTime ? new Date(1000 * Number(value)).toLocaleString() : value}`
    })
    .join(', ')
}

export function FilterForm({ filter }: { filter: Filter }) {
  const { apis } = useContext(Console)
  const { value: stats } = useLoaded({ key: 'integrations', load: apis.stats, concerns: () => false })
  const known = stats?.integrations.map(({ integration }) => integration) ?? []
  const chosen =
    filter.integration === undefined || known.includes(String(filter.integration)) ? [] : [filter.integration]
  const changed = (event: Event) => {
    location.hash = linkTo('tasks', read((event.currentTarget ?? event.target) as HTMLFormElement))
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    changed(event)
  }
  // Made anew when the address changes otherwise than by it.
  return html`<form class="filters" role="search" aria-label="Filters" key=${JSON.stringify(filter)} onChange=${changed} onSubmit=${submit}>
    <label>Integration ${choice('integration', filter, [...chosen, ...known].map(String))}</label>
    <label>Status ${choice('status', filter, STATUSES)}</label>
    <label>Error code ${text('code', filter, 200)}</label>
    <label>User ${text('user', filter, 200)}</label>
    <label>Id has ${text('id', filter, 100)}</label>
    <label>Created from ${time('createdFrom', filter)}</label>
    <label>Created before ${time('createdBefore', filter)}</label>
    <span class="buttons">
      <button type="submit">Show</button>
      <a href=${linkTo('tasks')}>Clear</a>
    </span>
  </form>`
}

function choice(name: keyof Filter, filter: Filter, values: readonly string[]) {
  return html`<select name=${name} value=${filter[name] ?? ''}>
    <option value="">all</option>
    ${values.map((value) => html`<option value=${value} key=${value} selected=${value === filter[name]}>${value}</option>`)}
  </select>`
}

function text(name: keyof Filter, filter: Filter, maxlength: number) {
  return html`<input name=${name} defaultValue=${filter[name] ?? ''} maxlength=${maxlength} autocomplete="off" spellcheck=${false} />`
}

function time(name: keyof Filter, filter: Filter) {
  const at = Number(filter[name])
  return html`<input type="datetime-local" name=${name} step="1" defaultValue=${filter[name] === undefined || Number.isNaN(at) ? '' : local(at)} />`
}

/** As `datetime-local` takes it: in the reader's zone. */
function local(unixSeconds: number): string {
  const date = new Date(1000 * unixSeconds)
  return new Date(date.getTime() - 60_000 * date.getTimezoneOffset()).toISOString().slice(0, 19)
}

function read(form: HTMLFormElement): Filter {
  const given = Object.fromEntries(new FormData(form)) as Record<string, string>
  const filter: Filter = {}
  for (const name of FIELDS) {
    const value = given[name]?.trim()
    if (!value) continue
    filter[name] = TIMES.some((time) => time === name) ? Math.floor(Date.parse(value) / 1000) : value
  }
  return filter
}

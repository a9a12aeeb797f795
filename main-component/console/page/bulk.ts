/** One act on many tasks: first counted, then agreed to, then done in batches that can be stopped, and reported. */
import { html } from 'htm/preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import type { ListedTask } from './answers.js'
import { AskError } from './asking.js'
import { add, inBatches, leftAlone, type Report } from './batches.js'
import { Console, type ConsoleContext } from './context.js'
import { Dialog, Reason } from './dialog.js'
import { type Filter, filterInWords } from './filters.js'
import { ANSWER_LOST, count, counted, payTwice } from './words.js'

/** Main counts no further. */
const MOST_COUNTED = 100_000

/** Chosen tasks, or all that a filter finds. */
export type Target = { tasks: ListedTask[] } | { filter: Filter }

interface BulkProps {
  act: 'retry' | 'cancel'
  target: Target
  close(): void
}

/** `failure`: why it ended early. */
type Told = Report & { failure?: string }

const VERBS = { retry: 'Retry', cancel: 'Cancel' } as const
const ENDED = { retry: 'retried', cancel: 'cancelled' } as const

export function Bulk({ act, target, close }: BulkProps) {
  const { apis } = useContext(Console)
  const isFilter = 'filter' in target
  const [found, setFound] = useState(isFilter ? undefined : target.tasks.length)
  const [lost, setLost] = useState(
    isFilter || act === 'cancel' ? 0 : target.tasks.filter(({ error }) => error?.code === ANSWER_LOST).length,
  )
  const [failure, setFailure] = useState('')
  const [report, setReport] = useState<Told>()
  const [state, setState] = useState<'asking' | 'acting' | 'over'>('asking')
  const stop = useRef(false)
  useEffect(() => {
    if (!isFilter) return
    apis.many(`${act}Many`, '', { filter: target.filter, dryRun: true }).then(
      ({ found = 0, mayPayTwice = 0 }) => {
        setFound(found)
        setLost(mayPayTwice)
      },
      (error: Error) => setFailure(error.message),
    )
    return () => {
      stop.current = true
    }
  }, [])

  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const reason = String(new FormData(event.currentTarget as HTMLFormElement).get('reason'))
    setState('acting')
    stop.current = false
    const told: Told = { done: 0, refused: {} }
    try {
      for await (const batch of isFilter
        ? inBatches((batch) => apis.many(`${act}Many`, reason, { filter: target.filter, ...batch }))
        : oneByOne(apis, act, target.tasks, reason)) {
        add(told, batch)
        setReport({ ...told })
        if (stop.current) break
      }
    } catch (error) {
      told.failure = error instanceof Error ? error.message : String(error)
    }
    setReport({ ...told })
    setState('over')
  }

  const stopActing = () => {
    stop.current = true
  }
  const tasks =
    found === undefined ? '' : found >= MOST_COUNTED ? `${count(found)} or more tasks` : counted(found, 'task')
  const mayClose = state !== 'acting'
  return html`<${Dialog} title=${`${VERBS[act]} ${isFilter ? 'all that match' : 'the chosen tasks'}`} close=${mayClose ? close : () => {}}>
    ${isFilter && html`<p class="quiet">${filterInWords(target.filter)}</p>`}
    <div role="status" class="progress">
      ${state === 'asking' && html`<p class="found">${found === undefined && failure === '' ? 'Counting …' : asked(act, found, tasks)}</p>`}
      ${state === 'asking' && lost > 0 && html`<p class="notice held">${payTwice(lost, found)}</p>`}
      ${report && html`<${Progress} act=${act} report=${report} found=${found ?? 0} isOver=${state === 'over'} isWhole=${state === 'over' && isFilter && !stop.current && report.failure === undefined} />`}
    </div>
    ${failure !== '' && html`<p class="notice bad" role="alert">${failure}.</p>`}
    ${
      state === 'asking'
        ? html`<form onSubmit=${submit}>
            <${Reason} isNeeded=${false} />
            <div class="buttons">
              <button type="button" onClick=${close}>Go back</button>
              <button type="submit" class=${act === 'cancel' ? 'grave' : 'main'} disabled=${!found}>${`${VERBS[act]} ${tasks}`.trim()}</button>
            </div>
          </form>`
        : html`<div class="buttons">
            ${
              state === 'acting'
                ? html`<button type="button" onClick=${stopActing}>Stop</button>`
                : html`<button type="button" class="main" onClick=${close}>Close</button>`
            }
          </div>`
    }
  <//>`
}

function asked(act: BulkProps['act'], found: number | undefined, tasks: string): string {
  if (found === undefined) return ''
  if (found === 0) return `There is nothing to ${act}.`
  const outcome =
    act === 'retry'
      ? 'Each gets one more attempt at least, the first of them now.'
      : 'Each is cancelled, and its run with it. That cannot be undone.'
  return `${tasks}. ${outcome}`
}

interface ProgressProps {
  act: BulkProps['act']
  report: Told
  found: number
  isOver: boolean
  /** Whether it went on to the end of what a filter finds. */
  isWhole: boolean
}

function Progress({ act, report, found, isOver, isWhole }: ProgressProps) {
  const left = leftAlone(report, found)
  const refused = Object.entries(report.refused)
  const seen = report.done + refused.reduce((sum, [, number]) => sum + number, 0)
  return html`<progress value=${seen} max=${Math.max(found, seen, 1)} aria-label="Progress"></progress>
    <p>${count(report.done)} of ${count(found)} ${ENDED[act]}${isOver ? '.' : ' …'}</p>
    ${
      refused.length > 0 &&
      html`<ul class="refused">${refused.map(([why, number]) => html`<li key=${why}>${count(number)} refused: ${why}</li>`)}</ul>`
    }
    ${isWhole && left !== '' && html`<p>${left}.</p>`}
    ${report.failure !== undefined && html`<p class="notice bad">Ended early: ${report.failure}.</p>`}`
}

async function* oneByOne(
  apis: ConsoleContext['apis'],
  act: BulkProps['act'],
  tasks: ListedTask[],
  reason: string,
): AsyncGenerator<Report> {
  for (const { integration, taskId } of tasks) {
    try {
      await apis.one(`${act}Task`, integration, taskId, reason)
      yield { done: 1, refused: {} }
    } catch (error) {
      if (!(error instanceof AskError) || (error.status !== 409 && error.status !== 404)) throw error
      yield { done: 0, refused: { [error.message]: 1 } }
    }
  }
}

/** A task's timeline: drawn with a row for each attempt, and as the list of what happened. */
import { html } from 'htm/preact'
import type { Task, TimelineEntry } from './answers.js'
import { type Mark, type Phase, type PhaseKind, storyOf } from './phases.js'
import { At, useNow } from './times.js'
import { duration, inWords } from './words.js'

const ROW = 22
/** The newest ones; the list below has all. */
const MOST_ROWS = 20

const PHASES: Record<PhaseKind, string> = {
  waiting: 'waits',
  claimed: 'claimed',
  begun: 'run has begun',
  provider: 'provider works, result is stored',
  held: 'held up',
}

export function Timeline({ task }: { task: Task }) {
  const now = useNow()
  const { phases, marks } = storyOf(task, now)
  const to = Math.max(...phases.map((phase) => phase.to), ...marks.map(({ at }) => at), task.createdAt + 0.001)
  return html`<${Drawing} phases=${phases} marks=${marks} from=${task.createdAt} to=${to} />
    <ol class="events">
      ${task.timeline.map((entry, index) => html`<${Entry} key=${index} entry=${entry} before=${task.timeline[index - 1]?.at ?? task.createdAt} isTakeOver=${marks.some(({ kind, at }) => kind === 'takeOver' && at === entry.at)} />`)}
    </ol>
    ${task.timeline.length === 0 && html`<p class="quiet">Nothing has happened to it yet.</p>`}
    ${task.timelineNext !== null && html`<p class="quiet">More happened than is shown here.</p>`}`
}

interface DrawingProps {
  phases: Phase[]
  marks: Mark[]
  from: number
  to: number
}

function Drawing({ phases, marks, from, to }: DrawingProps) {
  const attempts = [...new Set([...phases, ...marks].map(({ attempt }) => attempt))]
    .sort((a, b) => a - b)
    .slice(-MOST_ROWS)
  if (attempts.length === 0) return null
  const place = (at: number) => `${Math.min(100, Math.max(0, (100 * (at - from)) / (to - from))).toFixed(2)}%`
  const width = (phase: Phase) => `${Math.max(0.4, (100 * (phase.to - phase.from)) / (to - from)).toFixed(2)}%`
  const y = (attempt: number) => ROW * attempts.indexOf(attempt)
  const isShown = ({ attempt }: { attempt: number }) => attempts.includes(attempt)
  const kinds = [...new Set(phases.map(({ kind }) => kind))]
  const label = phases
    .filter(isShown)
    .map((phase) => `attempt ${phase.attempt} ${PHASES[phase.kind]} ${duration(phase.to - phase.from)}`)
  return html`<figure class="drawing">
    <div class="rows">
      <ol class="attempts" aria-hidden="true">${attempts.map((attempt) => html`<li key=${attempt}>${attempt}</li>`)}</ol>
      <svg role="img" aria-label=${label.join(', ')} width="100%" height=${ROW * attempts.length}>
        ${phases.filter(isShown).map(
          (phase) => html`<rect
            key=${`${phase.attempt} ${phase.from} ${phase.kind}`}
            class=${`phase ${phase.kind}`}
            x=${place(phase.from)}
            width=${width(phase)}
            y=${y(phase.attempt) + 3}
            height=${ROW - 6}
          ><title>${`${PHASES[phase.kind]}: ${duration(phase.to - phase.from)}`}</title></rect>`,
        )}
        ${marks.filter(isShown).map(
          (mark) => html`<circle
            key=${`${mark.attempt} ${mark.at} ${mark.kind}`}
            class=${`mark ${mark.kind}`}
            cx=${place(mark.at)}
            cy=${y(mark.attempt) + ROW / 2}
            r="5"
          ><title>${inWords(mark.kind)}</title></circle>`,
        )}
      </svg>
    </div>
    <figcaption>
      <${At} at=${from} /><span>${duration(to - from)} in all</span><${At} at=${to} />
    </figcaption>
    <ul class="legend" aria-hidden="true">
      ${kinds.map((kind) => html`<li key=${kind}><svg width="12" height="12"><rect class=${`phase ${kind}`} width="12" height="12" rx="2" /></svg> ${PHASES[kind]}</li>`)}
    </ul>
  </figure>`
}

interface EntryProps {
  entry: TimelineEntry
  /** When the one before happened. */
  before: number
  isTakeOver: boolean
}

function Entry({ entry: { type, attempt, at, error, reason }, before, isTakeOver }: EntryProps) {
  const why = error ?? reason
  return html`<li>
    <span class="number"><${At} at=${at} /></span>
    <span class="number quiet">+${duration(Math.max(0, at - before))}</span>
    <b class=${`event ${type}`}>${isTakeOver ? 'taken over' : inWords(type)}</b>
    <span class="quiet">attempt ${attempt}</span>
    ${why && html`<span class="text">${why.code}: ${why.message}</span>`}
  </li>`
}

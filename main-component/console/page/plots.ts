/** Small drawings, as SVG whose shapes are placed by attributes: the page's policy allows no styles in it. */
import { html } from 'htm/preact'
import type { IntegrationHistory, IntegrationStats } from './answers.js'
import { linkTo } from './route.js'
import { count, counted, duration } from './words.js'

const KINDS = ['completed', 'failed', 'cancelled'] as const

const percent = (share: number) => `${Math.round(1000 * share) / 10}%`

/** A bar for each part of the time, the oldest first. */
export function Throughput({ history, bucketSeconds }: { history: IntegrationHistory; bucketSeconds: number }) {
  const bars = history.completed.map((_, index) => KINDS.map((kind) => history[kind][index] ?? 0))
  const total = (bar: number[]) => bar.reduce((sum, value) => sum + value, 0)
  const highest = Math.max(1, ...bars.map(total))
  const width = 100 / bars.length
  const sums = KINDS.map((kind) => `${count(history[kind].reduce((sum, value) => sum + value, 0))} ${kind}`)
  const span = duration(bucketSeconds * bars.length)
  return html`<figure class="plot">
    <svg role="img" aria-label=${`Of the last ${span}: ${sums.join(', ')}`} height="64" width="100%">
      <line x1="0" x2="100%" y1="100%" y2="100%" class="axis" />
      ${bars.map((bar, index) => {
        let top = 1
        return bar.map((value, kind) => {
          if (value === 0) return null
          top -= value / highest
          const ago = duration(bucketSeconds * (bars.length - index))
          return html`<rect
            key=${`${index} ${kind}`}
            class=${`of-${KINDS[kind]}`}
            x=${percent((index * width) / 100)}
            width=${percent((0.85 * width) / 100)}
            y=${percent(Math.max(0, top))}
            height=${percent(value / highest)}
          ><title>${`${count(value)} ${KINDS[kind]}, ${ago} ago`}</title></rect>`
        })
      })}
    </svg>
    <figcaption><span>${span} ago</span><span>at most ${count(highest)} in ${duration(bucketSeconds)}</span><span>now</span></figcaption>
  </figure>`
}

/** @param share of the whole that is used */
export function Meter({ share, label }: { share: number; label: string }) {
  const part = Math.min(1, Math.max(0, share))
  return html`<svg class="meter" role="img" aria-label=${label} width="100%" height="6">
    <rect class="track" width="100%" height="6" rx="3" />
    <rect class=${part >= 1 ? 'fill full' : 'fill'} width=${percent(part)} height="6" rx="3" />
  </svg>`
}

export function Failures({ integration, failures }: Pick<IntegrationStats, 'integration' | 'failures'>) {
  if (failures.length === 0) return html`<p class="quiet">No attempt has failed within a day.</p>`
  const most = Math.max(...failures.map((failure) => failure.count))
  return html`<ul class="failures">
    ${failures.map(
      (failure) => html`<li key=${failure.code}>
        <a class="cut" href=${linkTo('tasks', { integration, code: failure.code })} title=${failure.code}>${failure.code}</a>
        <span class="number">${count(failure.count)}</span>
        <svg width="100%" height="4" aria-label=${counted(failure.count, 'attempt')} role="img">
          <rect class="of-failed" width=${percent(failure.count / most)} height="4" rx="2" />
        </svg>
      </li>`,
    )}
  </ul>`
}

/** The daemons that asked lately: who they are, in which state, and for what they ask. */
import { html } from 'htm/preact'
import type { Daemon } from './answers.js'
import { Table } from './parts.js'
import { Ago } from './times.js'
import { inWords } from './words.js'

const MEANS: Partial<Record<Daemon['condition'], string>> = {
  not_asking: 'A gate of it is closed (Temporal away, a provider’s pause, …): its /readyz says which',
  silent: 'It hangs, or was killed',
}
const COLUMNS = ['Name', 'Version', 'State', 'Integration', 'Heard from', 'Asked for tasks']

export function Daemons({ daemons }: { daemons: Daemon[] }) {
  const sorted = [...daemons].sort((a, b) => nameOf(a).localeCompare(nameOf(b)))
  return html`<section class="panel" aria-label="Daemons">
    <h2>Daemons</h2>
    ${
      sorted.length === 0
        ? html`<p class="quiet">None was heard from within an hour.</p>`
        : html`<${Table} label="Daemons, a table" columns=${COLUMNS}>
            ${sorted.map((daemon) => html`<${Row} key=${nameOf(daemon)} daemon=${daemon} />`)}
          <//>`
    }
  </section>`
}

function nameOf({ name, integration }: Daemon): string {
  return `${name ?? ''} ${integration}`
}

function Row({ daemon: { name, version, condition, integration, seenAt, askedAt, parked } }: { daemon: Daemon }) {
  return html`<tr>
    <td>${name ?? 'of an earlier version'}</td>
    <td>${version ?? '–'}</td>
    <td><span class=${`badge ${condition === 'asking' ? 'running' : 'paused'}`} title=${MEANS[condition]}>${condition === 'silent' ? 'stuck or gone' : inWords(condition)}</span></td>
    <td>${integration}</td>
    <td><${Ago} at=${seenAt} /></td>
    <td><${Ago} at=${askedAt} />${parked && ', waits for some'}</td>
  </tr>`
}

/** The daemons that asked lately: who they are, in which state, and for what they ask. */
import { html } from 'htm/preact'
import type { Daemon } from './answers.js'
import { Table } from './parts.js'
import { Ago } from './times.js'

/** No daemon that works keeps silent for so long. */
const SILENT_SECONDS = 60
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

function Row({ daemon: { name, version, state, integration, seenAt, askedAt, parked } }: { daemon: Daemon }) {
  const isSilent = Date.now() / 1000 - seenAt > SILENT_SECONDS
  const shown = isSilent ? 'silent' : state
  return html`<tr>
    <td>${name ?? 'of an earlier version'}</td>
    <td>${version ?? '–'}</td>
    <td><span class=${`badge ${shown === 'running' ? 'running' : 'paused'}`}>${shown}</span></td>
    <td>${integration}</td>
    <td><${Ago} at=${seenAt} /></td>
    <td><${Ago} at=${askedAt} />${parked && ', waits for some'}</td>
  </tr>`
}

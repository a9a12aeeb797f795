/** What several pages show: a failure to read, a wait, a table, a link that others wrote. */
import { html } from 'htm/preact'
import type { AskError } from './asking.js'
import type { Loaded } from './loading.js'

/** What is said while there is nothing to show, or what is shown is old. */
export function LoadState({ loaded }: { loaded: Loaded<unknown> }) {
  const { error, value, reload } = loaded
  if (error) {
    return html`<div class="notice bad" role="alert">
      <p>${said(error)}${value !== undefined && ' What is shown is from before.'}</p>
      ${error.status !== 404 && html`<button type="button" onClick=${reload}>Try again</button>`}
    </div>`
  }
  return value === undefined ? html`<p class="quiet" role="status">Loading …</p>` : null
}

function said(error: AskError): string {
  return /[.!?]$/.test(error.message) ? error.message : `${error.message}.`
}

/** An address that users or providers wrote, as a link only if it leads to a page. */
export function OutsideLink({ url, children }: { url: string; children?: unknown }) {
  const isPage = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
  if (!isPage) return html`<span>${children ?? url}</span>`
  return html`<a href=${url} target="_blank" rel="noreferrer noopener">${children ?? url}</a>`
}

/** A table that may be wider than the screen. */
export function Table({ label, columns, children }: { label: string; columns: string[]; children?: unknown }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table>
      <thead>
        <tr>${columns.map((name) => html`<th scope="col" key=${name}>${name}</th>`)}</tr>
      </thead>
      <tbody>${children}</tbody>
    </table>
  </div>`
}

/** Something long that few want to see. */
export function JSONFold({ title, value }: { title: string; value: unknown }) {
  return html`<details class="fold">
    <summary>${title}</summary>
    <pre tabindex="0">${JSON.stringify(value, null, 2)}</pre>
  </details>`
}

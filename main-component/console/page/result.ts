/** A task's result: its files are shown, the rest is JSON. Only files that main serves are loaded. */
import { html } from 'htm/preact'
import { JSONFold } from './parts.js'
import { count } from './words.js'

interface StoredFile {
  key: string
  mimeType: string
  bytes?: number
}

export function Result({ result }: { result: unknown }) {
  if (result === null || result === undefined) return html`<p class="quiet">There is none yet.</p>`
  const files = filesIn(result)
  return html`${files.map((file) => html`<${File} file=${file} key=${file.key} />`)}
    ${files.length > 0 ? html`<${JSONFold} title="Result, as JSON" value=${result} />` : html`<pre tabindex="0">${JSON.stringify(result, null, 2)}</pre>`}`
}

/** The files that a result speaks of, wherever in it. */
function filesIn(value: unknown): StoredFile[] {
  if (typeof value !== 'object' || value === null) return []
  const { key, mimeType, bytes } = value as Partial<Record<keyof StoredFile, unknown>>
  const isFile = typeof key === 'string' && typeof mimeType === 'string'
  const own = isFile ? [{ key, mimeType, ...(typeof bytes === 'number' && { bytes }) }] : []
  return [...own, ...Object.values(value).flatMap(filesIn)]
}

function File({ file: { key, mimeType, bytes } }: { file: StoredFile }) {
  // Of this main, whatever address the result has.
  const url = `../artifacts/${encodeURIComponent(key)}`
  const [kind] = mimeType.split('/')
  const size = bytes === undefined ? '' : `, ${count(Math.ceil(bytes / 1024))} KiB`
  return html`<figure class="file">
    ${kind === 'image' && html`<img src=${url} alt=${`The result’s image ${key}`} />`}
    ${
      kind === 'video' &&
      html`<video src=${url} controls preload="metadata" aria-label=${`The result’s video ${key}`}></video>`
    }
    ${kind === 'audio' && html`<audio src=${url} controls preload="metadata" aria-label=${`The result’s sound ${key}`}></audio>`}
    <figcaption><a href=${url} target="_blank" rel="noreferrer noopener">${key}</a> ${mimeType}${size}</figcaption>
  </figure>`
}

import { z } from 'zod'
import { urlBelow } from '../protocol/names.js'

/** A stored file: what workflows and results carry instead of bytes. */
export const artifactSchema = z.strictObject({
  key: z.string(),
  /** The URL at which main serves it. */
  url: z.url(),
  mimeType: z.string(),
  bytes: z.int(),
  /** Of the content, hexadecimal. */
  sha256: z.string(),
})

export type Artifact = z.output<typeof artifactSchema>

/** The URL at which main serves an artifact: permanent, wherever the file is stored. */
export function artifactUrl(mainUrl: string, key: string): string {
  return urlBelow(mainUrl, `artifacts/${key}`)
}

/** The name of an attempt's object: a retried activity replaces only its own. */
export function artifactName(kind: string, task: { taskKey: string; attempt: number }): string {
  return `${kind}-${task.taskKey.replace(/[^\w-]/g, '_')}-${task.attempt}`
}

import { z } from 'zod'

/** A stored file: what workflows and results carry instead of bytes. */
export const artifactSchema = z.strictObject({
  key: z.string(),
  /** Where main serves it. */
  url: z.url(),
  mimeType: z.string(),
  bytes: z.number().int(),
  /** Of the content, hexadecimal. */
  sha256: z.string(),
})

export type Artifact = z.output<typeof artifactSchema>

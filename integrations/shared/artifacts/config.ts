import { z } from 'zod'

export const artifactsConfigSchema = z.strictObject({
  /** Where results are stored, and served from by main. */
  dir: z.string().default('.data/artifacts'),
})

export type ArtifactsConfig = z.output<typeof artifactsConfigSchema>

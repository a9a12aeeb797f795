import type { z } from 'zod'
import { providerConfigSchema } from '../shared/provider-config.js'

export const nanobanana2ConfigSchema = providerConfigSchema
export type Nanobanana2Config = z.infer<typeof nanobanana2ConfigSchema>

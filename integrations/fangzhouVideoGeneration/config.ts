import type { z } from 'zod'
import { providerConfigSchema } from '../shared/provider-config.js'

export const fangzhouConfigSchema = providerConfigSchema
export type FangzhouConfig = z.infer<typeof fangzhouConfigSchema>

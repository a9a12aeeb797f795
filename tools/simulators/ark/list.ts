/** The filters of a list of tasks. */
import { z } from 'zod'
import { TASK_STATUSES } from './task.js'

const page = (fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, 'is not a number')
    .transform(Number)
    .pipe(z.int().min(1).max(500))
    .optional()
    .transform((value) => value ?? fallback)

export const listQuerySchema = z.object({
  page_num: page(1),
  page_size: page(10),
  'filter.status': z.enum(TASK_STATUSES).optional(),
  'filter.model': z.string().optional(),
  'filter.task_ids': z.array(z.string()).optional(),
  'filter.service_tier': z.enum(['default', 'flex']).default('default'),
})

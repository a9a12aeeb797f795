/** What is made, by a workflow of its own: say it in a line. */
import { z } from 'zod'
import { defineIntegration } from '../../../../provider-kit/definition/define.js'

export const newIntegration = defineIntegration({
  name: 'newIntegration',
  request: z.strictObject({ text: z.string().min(1).max(5000) }),
  result: z.strictObject({ words: z.number().int() }),
  example: { text: 'hello' },
  custom: { workflow: 'newIntegrationWorkflow' },
})

/** What is made, without any provider: say it in a line. */
import { z } from 'zod'
import { defineIntegration } from '../../../../provider-kit/definition/define.js'

export const newIntegration = defineIntegration({
  name: 'newIntegration',
  request: z.strictObject({ text: z.string().min(1).max(5000) }),
  result: z.strictObject({ words: z.number().int() }),
  example: { text: 'hello' },
  local: {
    // It may be done again: after a crash, say.
    run: async ({ request }) => ({ words: request.text.split(/\s+/).filter(Boolean).length }),
  },
})

export const { createActivities } = newIntegration

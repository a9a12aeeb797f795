/** Applications for the bench: this repository's own, or one of many integrations, whose workflows are in a folder of their own. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { type Application, defineApplication } from '../../application/define.js'
import { application as own } from '../../application.js'
import { testTaskRequestSchema, testTaskResultSchema } from '../../integrations/test-async-task/schemas.js'
import { defineIntegration } from '../../provider-kit/definition/define.js'

/** As long as a request may be: it comes back in the result. */
const message = { message: z.string().optional() }

/** @param count of integrations; 0: this repository's own */
export function benchApplication(folder: string, count: number): Application {
  const integrationsPath = join(folder, 'integrations')
  if (count === 0) return { ...own, integrationsPath } as unknown as Application
  const integrations = Object.fromEntries(
    names(count).map((name) => {
      const schemas = { request: testTaskRequestSchema.extend(message), result: testTaskResultSchema }
      const integration = { name, env: name.toUpperCase(), custom: { workflow: 'asyncTestTaskWorkflow' }, ...schemas }
      return [name, defineIntegration(integration)]
    }),
  )
  return defineApplication({ integrations, folder: pathToFileURL(`${integrationsPath}/`) })
}

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench${String(index + 1).padStart(2, '0')}`)
}

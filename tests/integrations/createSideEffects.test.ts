import { expect, it } from 'vitest'
import { makeIntegrations } from './support.js'

it('there are none: tasks are pulled, and nothing is pushed when a record changes', () => {
  const integrations = makeIntegrations()
  expect(integrations.getIntegrations().length).toBeGreaterThanOrEqual(3)
  for (const { integration } of integrations.getIntegrations()) expect(integration.createSideEffects()).toEqual([])
  expect(integrations.createSideEffects()).toEqual([])
})

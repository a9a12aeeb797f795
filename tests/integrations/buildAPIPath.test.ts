import { expect, it } from 'vitest'
import { buildAPIPath } from '@/integrations/index.js'

it('puts an API under its namespace, without a leading slash', () => {
  expect(buildAPIPath('fangzhouVideoGeneration', 'fetchPendingTasks')).toBe(
    'api/fangzhouVideoGeneration/fetchPendingTasks',
  )
})

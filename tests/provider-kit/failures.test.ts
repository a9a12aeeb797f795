import { ApplicationFailure } from '@temporalio/common'
import { expect, it } from 'vitest'
import { failureKind } from '@/provider-kit/workflow/failures.js'

const notFound = (message: string) => ApplicationFailure.create({ type: 'NotFoundError', message })

it('an activity that a worker of another release does not have has done nothing, and is asked for again', () => {
  const said = 'Activity function create is not registered on this Worker, available activities: ["createVideoTask"]'
  expect(failureKind(notFound(said))).toBe('unavailable')
  expect(failureKind(notFound('There is no such job'))).toBeUndefined()
})

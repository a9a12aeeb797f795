/** Reads who did what from a workflow's history. */
import type { History } from '@temporalio/common/lib/proto-utils.js'

type Event = NonNullable<History['events']>[number]

export interface ActivityEvents {
  /** As in `StoppingPoint`: a report's name has what it says. */
  activity: string
  /** Who took it on last. */
  startedBy: string | null | undefined
  /** Its last event: a completion, a failure, a time-out. */
  closed: Event | undefined
}

/** The activities that a run scheduled, in order. */
export function activitiesOf({ events }: History): ActivityEvents[] {
  const all = events ?? []
  return all.flatMap(({ eventId, activityTaskScheduledEventAttributes: scheduled }) => {
    if (!scheduled) return []
    const name = scheduled.activityType?.name ?? ''
    const about = <A extends { scheduledEventId?: unknown }>(attributes: A | null | undefined) =>
      attributes && String(attributes.scheduledEventId) === String(eventId) ? attributes : undefined
    const started = all.findLast((event) => about(event.activityTaskStartedEventAttributes))
    const closed = all.find(
      (event) =>
        about(event.activityTaskCompletedEventAttributes) ??
        about(event.activityTaskFailedEventAttributes) ??
        about(event.activityTaskTimedOutEventAttributes),
    )
    const [, report] = (scheduled.input?.payloads ?? []).map(({ data }) =>
      JSON.parse(Buffer.from(data ?? []).toString()),
    )
    return {
      activity: name === 'reportAttempt' ? `${name}:${report.status}` : name,
      startedBy: started?.activityTaskStartedEventAttributes?.identity,
      closed,
    }
  })
}

/** The workers that completed workflow tasks before and after an event, in order. */
export function workflowWorkersAround({ events }: History, middle: Event | undefined) {
  const workers = (from: Event[]) => from.flatMap((event) => event.workflowTaskCompletedEventAttributes?.identity ?? [])
  const at = (events ?? []).indexOf(middle as Event)
  return { before: workers((events ?? []).slice(0, at)), after: workers((events ?? []).slice(at)) }
}

/** The worker whose workflow task recorded the first local activity. */
export function recorderOfLocalActivity({ events }: History): string | null | undefined {
  const marker = events?.find(({ markerRecordedEventAttributes: marker }) => marker)
  const id = String(marker?.markerRecordedEventAttributes?.workflowTaskCompletedEventId)
  return events?.find(({ eventId }) => String(eventId) === id)?.workflowTaskCompletedEventAttributes?.identity
}

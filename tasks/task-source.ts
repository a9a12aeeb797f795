/** A business entity: interaqt computes an APICall when a record of it is created. */
export interface TaskSource<Params> {
  entityName: string
  toRequestParams(record: Record<string, unknown>): Params
  /** The property for the time, in unix seconds, at which the task becomes due. Default: at once. */
  dueAtProperty?: string
  /** The property for the task's priority: higher ones are claimed first. Default: all have the same. */
  priorityProperty?: string
  /** The property for the id of the task's user; a record without it belongs to nobody in particular. */
  userProperty: string
  /** The property for the URL that is told of the task's end. Default: none. */
  webhookProperty?: string
  /** The public APIs that create such records and show their tasks: `api/<namespace>/<createName>`, `…/tasks/:taskId`. */
  api?: {
    namespace: string
    createName: string
    toRecord(params: Params): Record<string, unknown>
  }
}

/** What the author of an integration writes: how its provider is called, in one of four shapes. */
import type { Artifact } from '../../artifacts/artifact.js'
import type { ArtifactLimits } from '../../artifacts/store.js'
import type { publicHttpUrl } from '../../lib/public-url.js'
import type { Activities, ActivityContext } from '../activity-context.js'
import type { TaskReason } from '../provider/error-table.js'
import type { ProviderHttp } from '../provider/http.js'
import type { FetchedFile, SafeFetchLimits } from '../provider/safe-fetch.js'
import type { UsedUnits } from '../provider/units.js'
import type { ProviderTaskStatus } from '../workflow/polled-task.js'
import type { NoLookUp } from '../workflow/unanswered-create.js'

/** A user's URL that the provider is to fetch: http(s), and not in a private network. */
export type UserUrl = ReturnType<typeof publicHttpUrl>

/** The mark that a create carries, so that it can be found if its answer is lost. The same for all of one attempt. */
export interface Mark {
  /** `task-` and twenty hexadecimal digits. */
  mark: string
  /** The same as 31 bits, for a provider that stores only numbers. */
  seed: number
}

/** The argument of every callback that calls the provider. */
export interface ProviderContext<Settings> {
  http: ProviderHttp
  /** The integration's section of the configuration, without the key. */
  settings: Settings
  /** The provider's model id; `simulator` if a simulator is used and none is configured. */
  model: string
  /** Whether the provider's simulator is used. */
  simulated: boolean
  /** Aborted when nobody waits any more. `http` follows it by itself. */
  signal: AbortSignal
}

/** The source of a result's bytes: the bytes themselves, or a link from the provider. */
export type Source = Uint8Array | URL | string | null | undefined

export interface Storing {
  /**
   * Stores a result in the application's own storage: with the type that its bytes have, or the one that `media`
   * requires. Links are followed safely. A retried attempt replaces what it stored under the same name.
   */
  store(source: Source, name: string, limits?: Partial<ArtifactLimits>): Promise<Artifact>
}

/** A provider that creates a task, and is polled for its progress. */
export interface Polled<Request, Settings, Job, Result> {
  /** Creates the task, by one request that may cost money, and returns its id. */
  create(
    context: ProviderContext<Settings> & Mark & { request: Request; callbackUrl: string | undefined },
  ): Promise<string>
  /** Reads the task; null if the provider does not know it. The provider's own 404 counts as null by itself. */
  poll(context: ProviderContext<Settings> & { id: string }): Promise<Job | null>
  /**
   * The task's progress, and why it has ended, if it has. `undefined`: the status is unknown, so it is polled again.
   * The error table says whether another attempt may succeed.
   */
  status(
    job: NoInfer<Job>,
  ): ProviderTaskStatus | { status: ProviderTaskStatus | undefined; reason?: Reason } | undefined
  /** Looks up what a create whose answer was lost has created. */
  lookUp: NoInfer<JobList<Settings, Job>> | NoLookUp
  /**
   * Cancels the task; false if that is not possible any more. The provider's own 404 and 409 count as false by
   * themselves. Leave it out if the provider cannot cancel.
   */
  cancel?(
    context: ProviderContext<Settings> & { id: string; poll: () => Promise<NoInfer<Job> | null> },
  ): Promise<unknown>
  /**
   * What the provider charges for a task that has ended, such as `{completionTokens: 1200}`, to be multiplied by the
   * configuration's `prices`; `{}`: nothing. Without it, or if the job does not say, the price of a create counts.
   */
  usage?(job: NoInfer<Job>): UsedUnits | undefined
  /** Until when the provider keeps the result, in unix seconds: after that a dead link is not retried. */
  keptUntil?(job: NoInfer<Job>): number | undefined
  /** Makes the task's result. The job was polled just before, so that its links are fresh. */
  result(
    context: ProviderContext<Settings> & Storing & { id: string; job: NoInfer<Job>; request: Request | undefined },
  ): Promise<Result>
  /** Whether the provider can call `callbackUrl` when a task has moved on. Default: false. */
  callbacks?: boolean
}

export type Reason = TaskReason | string | null | undefined

/** A provider that lists what it has created. */
export interface JobList<Settings, Job> {
  impossible?: never
  /** Lists everything that may have one of these marks, to the list's end. Throws on what it cannot read. */
  list(context: ProviderContext<Settings> & { marks: Mark[] }): AsyncIterable<Job> | Promise<Iterable<Job>>
  id(job: Job): string
  /** Whether this was created with the mark. */
  carries(job: Job, mark: Mark): boolean
}

/** A provider that answers one long request, which costs money each time. */
export interface Single<Request, Settings, Prepared, Answer, Result> {
  /** Prepares the request, at no cost. */
  prepare?(context: ProviderContext<Settings> & { request: Request; fetchUserFile: FetchUserFile }): Promise<Prepared>
  /** Sends the request, once. */
  create(context: ProviderContext<Settings> & { request: Request; prepared: NoInfer<Prepared> }): Promise<Answer>
  lookUp: NoLookUp
  /** What the provider charges for the answer, as `usage` of a polled one. */
  usage?(answer: NoInfer<Answer>): UsedUnits | undefined
  /** Makes the task's result of the answer. */
  result(
    context: ProviderContext<Settings> &
      Storing & { answer: NoInfer<Answer>; request: Request; download: (link: URL | string) => Promise<Uint8Array> },
  ): Promise<Result>
}

/** Fetches a file from a user's URL, but not from a private network. */
export type FetchUserFile = (url: string, limits: SafeFetchLimits) => Promise<FetchedFile>

/** Work that needs no provider and costs nothing: it may be repeated. */
export interface Local<Request, Settings, Result> {
  run(context: Storing & { request: Request; settings: Settings; signal: AbortSignal }): Promise<Result>
}

/** The integration's own workflows: everything that `workflows/index.ts` exports. */
export interface Custom<Config> {
  /** The name of the one that runs an attempt, by `runAttempt`. */
  workflow: string
  /** Whether its runs have manual handles (progress, poll now, give up), by `Patience`. Default: false. */
  manualHandles?: boolean
  /** The activities that need the configuration; `activities/index.ts` exports the others directly. */
  activities?(context: Omit<ActivityContext, 'integrations'> & { settings: Config }): Activities
}

/** What the author of an integration writes: how its provider is asked, in one of four shapes. */
import type { Artifact } from '../../artifacts/artifact.js'
import type { ArtifactLimits } from '../../artifacts/store.js'
import type { publicHttpUrl } from '../../lib/public-url.js'
import type { Activities, ActivityContext } from '../activity-context.js'
import type { TaskReason } from '../provider/error-table.js'
import type { ProviderHttp } from '../provider/http.js'
import type { FetchedFile, SafeFetchLimits } from '../provider/safe-fetch.js'
import type { ProviderTaskStatus } from '../workflow/polled-task.js'
import type { NoLookUp } from '../workflow/unanswered-create.js'

/** A URL of a user's, for the provider to fetch: http(s), and not into a private network. */
export type UserUrl = ReturnType<typeof publicHttpUrl>

/** What a create carries so that it can be found again when its answer is lost: always the same for one attempt. */
export interface Mark {
  /** As `task-` and twenty hexadecimal digits. */
  mark: string
  /** The same in 31 bits, for a provider that keeps nothing but numbers. */
  seed: number
}

/** What every callback that asks the provider is given. */
export interface ProviderContext<Settings> {
  http: ProviderHttp
  /** The integration's section of the configuration, without the key. */
  settings: Settings
  /** The provider's model id; `simulator` where a simulator stands in and none is configured. */
  model: string
  /** Whether the provider's simulator is asked. */
  simulated: boolean
  /** Aborted when nobody waits any more. `http` listens to it by itself. */
  signal: AbortSignal
}

/** Where bytes come from: themselves, or a link of the provider's. */
export type Source = Uint8Array | URL | string | null | undefined

export interface Storing {
  /**
   * Keeps a result in the application's own storage: of whatever type its bytes are, unless `media` says which they
   * have to be. A link is followed safely. A retried attempt replaces what it stored under the same name.
   */
  store(source: Source, name: string, limits?: Partial<ArtifactLimits>): Promise<Artifact>
}

/** A provider that takes a task and is asked again and again how far it is. */
export interface Polled<Request, Settings, Job, Result> {
  /** Has the task created, by one request that may cost money, and gives its id. */
  create(
    context: ProviderContext<Settings> & Mark & { request: Request; callbackUrl: string | undefined },
  ): Promise<string>
  /** The task as it is; null where the provider does not know it. A 404 of the provider's own says so by itself. */
  poll(context: ProviderContext<Settings> & { id: string }): Promise<Job | null>
  /**
   * How far that is, and why it has ended, if it has. What gives undefined is not known yet, and is asked for again.
   * Whether another attempt may fare better is said by the table of errors.
   */
  status(
    job: NoInfer<Job>,
  ): ProviderTaskStatus | { status: ProviderTaskStatus | undefined; reason?: Reason } | undefined
  /** How it is found out what a create whose answer was lost has made. */
  lookUp: NoInfer<JobList<Settings, Job>> | NoLookUp
  /**
   * Takes the task back; false where that is not possible any more. A 404 and a 409 of the provider's own say so by
   * themselves. Left out where the provider cannot.
   */
  cancel?(
    context: ProviderContext<Settings> & { id: string; poll: () => Promise<NoInfer<Job> | null> },
  ): Promise<unknown>
  /** Until when the provider keeps what it made, unix seconds: then a link that is dead is not waited for. */
  keptUntil?(job: NoInfer<Job>): number | undefined
  /** What the task results in. The job is polled afresh for it, so that its links are good. */
  result(
    context: ProviderContext<Settings> & Storing & { id: string; job: NoInfer<Job>; request: Request | undefined },
  ): Promise<Result>
  /** Whether the provider can be given `callbackUrl`, to tell that a task has moved on. Default: false. */
  callbacks?: boolean
}

export type Reason = TaskReason | string | null | undefined

/** A provider that can be asked for what it has made. */
export interface JobList<Settings, Job> {
  impossible?: never
  /** All that may be one of these marks', to the list's end. What cannot be read is thrown, and never left out. */
  list(context: ProviderContext<Settings> & { marks: Mark[] }): AsyncIterable<Job> | Promise<Iterable<Job>>
  id(job: Job): string
  /** Whether this is what was created with the mark. */
  carries(job: Job, mark: Mark): boolean
}

/** A provider that answers one long request, which costs money each time. */
export interface Single<Request, Settings, Prepared, Answer, Result> {
  /** Gets together what the request is made of. Nothing is paid for yet. */
  prepare?(context: ProviderContext<Settings> & { request: Request; fetchUserFile: FetchUserFile }): Promise<Prepared>
  /** Sends the request, once. */
  create(context: ProviderContext<Settings> & { request: Request; prepared: NoInfer<Prepared> }): Promise<Answer>
  lookUp: NoLookUp
  /** What its answer results in. */
  result(
    context: ProviderContext<Settings> &
      Storing & { answer: NoInfer<Answer>; request: Request; download: (link: URL | string) => Promise<Uint8Array> },
  ): Promise<Result>
}

/** Fetches a file that a user named, from nowhere in a private network. */
export type FetchUserFile = (url: string, limits: SafeFetchLimits) => Promise<FetchedFile>

/** Work that needs no provider and costs nothing: it may be done again. */
export interface Local<Request, Settings, Result> {
  run(context: Storing & { request: Request; settings: Settings; signal: AbortSignal }): Promise<Result>
}

/** Workflows of one's own, which are all that `workflows/index.ts` exports. */
export interface Custom<Config> {
  /** The name of the one that runs an attempt, by `runAttempt`. */
  workflow: string
  /** Whether its runs can be asked how far they are, and be told to look or to give up, by `Patience`. Default: false. */
  manualHandles?: boolean
  /** What activities there are that need the configuration; others `activities/index.ts` exports as they are. */
  activities?(context: Omit<ActivityContext, 'integrations'> & { settings: Config }): Activities
}

/**
 * An integration as one definition: its request, its result, and how its provider is called. Everything else follows
 * from it: configuration, entities, APIs, workflow and activities.
 */
import type { z } from 'zod'
import { artifactSchema } from '../../artifacts/artifact.js'
import { publicHttpUrl, type UserUrlOptions } from '../../lib/public-url.js'
import type { Activities, ActivityContext } from '../activity-context.js'
import type { Defaults, LocalConfig, PolledConfig, ProviderConfig } from '../provider/config.js'
import type { ErrorTable, ReadError } from '../provider/error-table.js'
import { EARLIER_NAMES } from '../workflow/earlier-names.js'
import type { PolledActivities, SingleActivities } from '../workflow/shared-activities.js'
import type { NoLookUp } from '../workflow/unanswered-create.js'
import { type ProviderSide, sectionIn } from './access.js'
import {
  type AnyLocal,
  type AnyPolled,
  type AnySingle,
  createLocalActivities,
  createPolledActivities,
  createSingleActivities,
} from './activities.js'
import { optionsOf, type SectionParts, sectionOf, templateOf, upperSnakeCase } from './section.js'
import type { Custom, Local, Polled, Single, UserUrl } from './shapes.js'

export { artifactSchema }

/** For a provider that offers no lookup: it cannot say whether a create whose answer was lost created anything. */
export function impossible(choice: { onAmbiguousCreate: 'fail' | 'retry' }): NoLookUp {
  return { impossible: true, ...choice }
}

/** Its own options take precedence over the common ones. */
type Section<Base, Shape extends z.ZodRawShape> = [keyof Shape] extends [never]
  ? Base
  : Omit<Base, keyof Shape> & z.output<z.ZodObject<Shape>>
type Settings<Base, Shape extends z.ZodRawShape> = Omit<Section<Base, Shape>, 'apiKey'>

/** The fields of definitions of all shapes. */
interface Common<Request extends z.ZodObject, Result extends z.ZodType, Shape extends z.ZodRawShape> {
  /** The integration's folder, such as `acmeSpeech`. The task queue is named after it. */
  name: string
  /** The request of a task. A function gets the schema for users' URLs, if the request has some. */
  request: Request | ((userUrl: UserUrl) => Request)
  /** The task's result. */
  result: Result
  /** Its own options in the configuration, in addition to the common ones. */
  settings?: z.ZodObject<Shape>
  /** A request for trying it out. */
  example?: z.input<NoInfer<Request>>
  /** The prefix of its options' names in the environment. Default: such as `ACME_SPEECH`. */
  env?: string
  /** The prefix of its entities, such as `AcmeSpeechAPICall`. Default: the name, capitalised. */
  entityPrefix?: string
  /** The workflow that `workflows/index.ts` exports. Default: such as `acmeSpeechWorkflow`. */
  workflowName?: string
  defaults?: Defaults
}

/** How a provider is reached, and what its errors mean. */
interface ProviderCommon<S> {
  /** The default of `baseUrl` in the configuration. */
  baseUrl?: string
  /** Whether a model has to be configured along with the key. Default: false. */
  needsModel?: boolean
  /** What its errors mean. An error that matches no row is classified by its HTTP status, else it is ambiguous. */
  errors?: ErrorTable
  readError?: ReadError
  /** The headers that carry the key. Default: a bearer token. */
  authenticate?: (apiKey: string, settings: S) => Record<string, string>
  /** The simulator that is used without a key: its name, and its URL. Default: the integration's name. */
  simulator?: { name: string | ((settings: S) => string); url: string }
}

type Only<Key extends ShapeName, Value> = { [key in Key]: Value } & { [key in Exclude<ShapeName, Key>]?: never }
type ShapeName = SectionParts['shape']

type Definition<
  Req extends z.ZodObject,
  Res extends z.ZodType,
  Shape extends z.ZodRawShape,
  Job,
  Prepared,
  Answer,
  R = z.output<NoInfer<Req>>,
  Out = z.input<NoInfer<Res>>,
> = Common<Req, Res, Shape> &
  (
    | (Only<'polled', Polled<R, Settings<PolledConfig, NoInfer<Shape>>, Job, Out>> &
        ProviderCommon<Settings<PolledConfig, NoInfer<Shape>>>)
    | (Only<'single', Single<R, Settings<ProviderConfig, NoInfer<Shape>>, Prepared, Answer, Out>> &
        ProviderCommon<Settings<ProviderConfig, NoInfer<Shape>>>)
    | Only<'local', Local<R, Settings<LocalConfig, NoInfer<Shape>>, Out>>
    | Only<'custom', Custom<Section<LocalConfig, NoInfer<Shape>>>>
  )

/** A definition as the application, its configuration, main and the daemon use it. */
export interface Integration<
  Config = LocalConfig,
  Req extends z.ZodObject = z.ZodObject,
  Res extends z.ZodType = z.ZodType,
  Own extends Activities = Activities,
> {
  name: string
  /** The namespace of its APIs, and the name of its section of the configuration. */
  namespace: string
  shape: ShapeName
  entityPrefix: string
  workflowName: string
  requestSchema(urls?: UserUrlOptions): Req
  resultSchema: Res
  example: z.input<Req> | undefined
  /** Whether the provider can call back; undefined if there is nothing to wait for, and so no manual handles. */
  takesCallbacks: boolean | undefined
  config: z.ZodType<Config>
  /** The section as in a configuration file: each option's name in the environment, and its default. */
  template: Record<string, string>
  /** The simulator that the section configures; undefined if there is none. */
  simulatorIn(section: Config): { name: string; url: string } | undefined
  createActivities(context: ActivityContext): Own
  /** How the provider is called, as defined. */
  asked: Asked
}

/** A definition's callbacks, without its types. */
export interface Asked {
  side: ProviderSide
  polled?: AnyPolled | undefined
  single?: AnySingle | undefined
  local?: AnyLocal | undefined
}

/** `polled` has a job, `single` an answer; a definition with neither has no provider. */
type ConfigOf<Job, Answer, Shape extends z.ZodRawShape> = Section<
  [Job] extends [never] ? ([Answer] extends [never] ? LocalConfig : ProviderConfig) : PolledConfig,
  Shape
>

type ActivitiesOf<Job, Answer> = [Job] extends [never]
  ? [Answer] extends [never]
    ? Activities
    : SingleActivities
  : PolledActivities

/** Makes an integration of its definition. */
export function defineIntegration<
  Req extends z.ZodObject,
  Res extends z.ZodType,
  // biome-ignore lint/complexity/noBannedTypes: no options of its own
  Shape extends z.ZodRawShape = {},
  Job = never,
  Prepared = undefined,
  Answer = never,
>(
  definition: Definition<Req, Res, Shape, Job, Prepared, Answer>,
): Integration<ConfigOf<Job, Answer, Shape>, Req, Res, ActivitiesOf<Job, Answer>> {
  const { name, request, result: resultSchema, settings, defaults, example } = definition
  const { polled, single, local, custom } = definition
  const shape = polled ? 'polled' : single ? 'single' : local ? 'local' : 'custom'
  const provider: ProviderCommon<never> = polled || single ? definition : {}
  const namespace = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  const entityPrefix = definition.entityPrefix ?? namespace.charAt(0).toUpperCase() + namespace.slice(1)
  const workflowName = definition.workflowName ?? custom?.workflow ?? `${namespace}Workflow`
  const lookUp = polled?.lookUp ?? single?.lookUp
  const parts: SectionParts = {
    shape,
    settings: settings?.shape ?? {},
    defaults,
    needsModel: provider.needsModel ?? false,
    callbacks: polled?.callbacks ?? false,
    onAmbiguousCreate: lookUp?.impossible ? lookUp.onAmbiguousCreate : undefined,
  }
  const schemaOf = (userUrl: UserUrl) => (typeof request === 'function' ? request(userUrl) : request)
  const simulator = provider.simulator ?? { name: namespace, url: `http://127.0.0.1:${portOf(namespace)}` }
  const simulatorIn = (section: unknown) => {
    if (!polled && !single) return undefined
    const simulatorName = typeof simulator.name === 'function' ? simulator.name(section as never) : simulator.name
    return { name: simulatorName, url: (section as ProviderConfig).simulatorUrl }
  }
  const side: ProviderSide = {
    ...provider,
    name,
    namespace,
    request: schemaOf,
    simulatorIn,
  }
  const createActivities = (context: ActivityContext): Activities => {
    if (polled) return withEarlierNames(workflowName, createPolledActivities(polled, side, context))
    if (single) return withEarlierNames(workflowName, createSingleActivities(single, side, context))
    if (local) return { ...createLocalActivities(local, side, context) }
    return custom?.activities?.({ ...context, settings: sectionIn(context, namespace, name) }) ?? {}
  }
  return {
    name,
    namespace,
    shape,
    entityPrefix,
    workflowName,
    requestSchema: (urls) => schemaOf(publicHttpUrl(urls)),
    resultSchema,
    example,
    takesCallbacks: polled || single || custom?.manualHandles ? parts.callbacks : undefined,
    config: sectionOf(parts) as z.ZodType<ConfigOf<Job, Answer, Shape>>,
    template: templateOf(definition.env ?? upperSnakeCase(namespace), optionsOf(parts), {
      baseUrl: provider.baseUrl,
      simulatorUrl: simulator.url,
    }),
    simulatorIn,
    asked: { side, polled, single, local },
    createActivities: createActivities as (context: ActivityContext) => ActivitiesOf<Job, Answer>,
  }
}

/** For runs that began when the activities had other names. */
function withEarlierNames(workflowName: string, activities: object): Activities {
  const byName = { ...activities } as Activities
  const earlier = Object.entries(EARLIER_NAMES[workflowName] ?? {})
  return { ...byName, ...Object.fromEntries(earlier.map(([name, then]) => [then, byName[name]])) } as Activities
}

/** A simulator's port, always the same for one name. */
function portOf(name: string): number {
  return 4100 + ([...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 800, 7) % 800)
}

/**
 * An integration as one definition: what it is asked with, what it results in, and how its provider is asked. All else,
 * configuration, entities, APIs, workflow and activities, follows from it.
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

/** Of a provider that cannot be asked what a create whose answer was lost has made. */
export function impossible(choice: { onAmbiguousCreate: 'fail' | 'retry' }): NoLookUp {
  return { impossible: true, ...choice }
}

/** Its own options go before those that every integration has. */
type Section<Base, Shape extends z.ZodRawShape> = [keyof Shape] extends [never]
  ? Base
  : Omit<Base, keyof Shape> & z.output<z.ZodObject<Shape>>
type Settings<Base, Shape extends z.ZodRawShape> = Omit<Section<Base, Shape>, 'apiKey'>

/** What definitions of all shapes hold. */
interface Common<Request extends z.ZodObject, Result extends z.ZodType, Shape extends z.ZodRawShape> {
  /** The integration's folder, as `acmeSpeech`; gives its task queue. */
  name: string
  /** What a task is asked with. A function is given the schema of users' URLs, where there are some. */
  request: Request | ((userUrl: UserUrl) => Request)
  /** What it results in. */
  result: Result
  /** Options of its own in the configuration, beside those that every integration has. */
  settings?: z.ZodObject<Shape>
  /** A request to try it with. */
  example?: z.input<NoInfer<Request>>
  /** What the environment's names of its options begin with. Default: `ACME_SPEECH`. */
  env?: string
  /** For the entities `AcmeSpeechAPICall` and so on. Default: the name, capitalised. */
  entityPrefix?: string
  /** What `workflows/index.ts` exports. Default: `acmeSpeechWorkflow`. */
  workflowName?: string
  defaults?: Defaults
}

/** How a provider is reached, and what its refusals mean. */
interface ProviderCommon<S> {
  /** Where it is reached, unless the configuration says otherwise. */
  baseUrl?: string
  /** Whether a model has to be configured with a key. Default: false. */
  needsModel?: boolean
  /** What its refusals mean. What no row fits is judged by its HTTP status, and is ambiguous where that does not tell. */
  errors?: ErrorTable
  readError?: ReadError
  /** The headers that carry the key. Default: as a bearer token. */
  authenticate?: (apiKey: string, settings: S) => Record<string, string>
  /** What stands in for it where there is no key: its name, and where it is. Default: the integration's name. */
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

/** What is made of a definition, for the application, its configuration, main and the daemon. */
export interface Integration<
  Config = LocalConfig,
  Req extends z.ZodObject = z.ZodObject,
  Res extends z.ZodType = z.ZodType,
  Own extends Activities = Activities,
> {
  name: string
  /** The name of its APIs' namespace, and of its section of the configuration. */
  namespace: string
  shape: ShapeName
  entityPrefix: string
  workflowName: string
  requestSchema(urls?: UserUrlOptions): Req
  resultSchema: Res
  example: z.input<Req> | undefined
  /** Whether the provider can be told to call back; undefined where there is nothing to wait for, and no handles. */
  takesCallbacks: boolean | undefined
  config: z.ZodType<Config>
  /** The section as a configuration file would have it: each option's name in the environment, and its default. */
  template: Record<string, string>
  /** The simulator that stands in, as the section has it; undefined where nothing does. */
  simulatorIn(section: Config): { name: string; url: string } | undefined
  createActivities(context: ActivityContext): Own
  /** How the provider is asked, as it was defined. */
  asked: Asked
}

/** A definition's callbacks, for those who know nothing of its types. */
export interface Asked {
  side: ProviderSide
  polled?: AnyPolled | undefined
  single?: AnySingle | undefined
  local?: AnyLocal | undefined
}

/** A job is polled, an answer is that of a single request; a definition with neither has no provider. */
type ConfigOf<Job, Answer, Shape extends z.ZodRawShape> = Section<
  [Job] extends [never] ? ([Answer] extends [never] ? LocalConfig : ProviderConfig) : PolledConfig,
  Shape
>

type ActivitiesOf<Job, Answer> = [Job] extends [never]
  ? [Answer] extends [never]
    ? Activities
    : SingleActivities
  : PolledActivities

/** Makes an integration of what is particular to it. */
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

/** For runs that began when the activities were called otherwise. */
function withEarlierNames(workflowName: string, activities: object): Activities {
  const byName = { ...activities } as Activities
  const earlier = Object.entries(EARLIER_NAMES[workflowName] ?? {})
  return { ...byName, ...Object.fromEntries(earlier.map(([name, then]) => [then, byName[name]])) } as Activities
}

/** A port for a simulator, always the same for one name. */
function portOf(name: string): number {
  return 4100 + ([...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 800, 7) % 800)
}

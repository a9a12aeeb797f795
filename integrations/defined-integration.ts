/** The integration class of a definition, for main. */
import { Entity, Property } from 'interaqt'
import type { Integration } from '../provider-kit/definition/define.js'
import type { DefinedPull } from './defined-pull.js'
import type { IIntegrationConstructor, IIntegrationConstructorArgs } from './index.js'
import { createPullIntegration, type TaskSource } from './pull-integration.js'

/** @param source the application's entity whose records request tasks. Default: an entity of the definition's own */
export function createDefinedIntegration(
  definition: Integration,
  { pull, options }: DefinedPull,
  source: TaskSource<object> | undefined,
): IIntegrationConstructor {
  if (source) return createPullIntegration(pull, { ...options, source: source as AnySource })
  const Base = createPullIntegration(pull, { ...options, source: ownSource(definition) })
  return class extends Base {
    constructor(args: IIntegrationConstructorArgs) {
      args.entities.push(ownEntity(definition))
      super(args)
    }
  }
}

type AnySource = TaskSource<Record<string, unknown>>
type Named = Pick<Integration, 'namespace' | 'entityPrefix'>

const entityName = ({ entityPrefix }: Named) => `${entityPrefix}Request`

/** The requests to an integration for which the application has no entity of its own. */
function ownEntity(definition: Named) {
  return Entity.create({
    name: entityName(definition),
    properties: [
      Property.create({ name: 'request', type: 'object' }),
      Property.create({ name: 'dueAt', type: 'number' }),
      Property.create({ name: 'userId', type: 'string' }),
      Property.create({ name: 'webhook', type: 'string' }),
    ],
  })
}

function ownSource(definition: Named): AnySource {
  return {
    entityName: entityName(definition),
    toRequestParams: ({ request }) => request as Record<string, unknown>,
    dueAtProperty: 'dueAt',
    userProperty: 'userId',
    webhookProperty: 'webhook',
    api: { namespace: definition.namespace, createName: 'create', toRecord: (request) => ({ request }) },
  }
}

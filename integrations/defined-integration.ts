/** The integration class of a definition, for main. */
import { Entity } from 'interaqt'
import type { Integration } from '../provider-kit/definition/define.js'
import { number, object, text } from '../tasks/model.js'
import type { DefinedPull } from './defined-pull.js'
import type { IIntegrationConstructor, IIntegrationConstructorArgs } from './index.js'
import { createPullIntegration, type TaskSource } from './pull-integration.js'

type AnySource = TaskSource<Record<string, unknown>>

/** @param source the application's entity whose records request tasks. Default: an entity of the definition's own */
export function createDefinedIntegration(
  { namespace, entityPrefix }: Integration,
  { pull, options }: DefinedPull,
  source: TaskSource<object> | undefined,
): IIntegrationConstructor {
  if (source) return createPullIntegration(pull, { ...options, source: source as AnySource })
  const entityName = `${entityPrefix}Request`
  const ownSource: AnySource = {
    entityName,
    toRequestParams: ({ request }) => request as Record<string, unknown>,
    dueAtProperty: 'dueAt',
    priorityProperty: 'priority',
    userProperty: 'userId',
    webhookProperty: 'webhook',
    api: { namespace, createName: 'create', toRecord: (request) => ({ request }) },
  }
  return class extends createPullIntegration(pull, { ...options, source: ownSource }) {
    constructor(args: IIntegrationConstructorArgs) {
      const properties = [object('request'), number('dueAt'), number('priority'), text('userId'), text('webhook')]
      args.entities.push(Entity.create({ name: entityName, properties }))
      super(args)
    }
  }
}

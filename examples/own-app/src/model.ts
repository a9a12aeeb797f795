/** The application's own entities, and which of them ask for tasks. Only main loads it. */
import { Entity, Property } from 'interaqt'
import type { TaskSource } from 'interaqt-async-task'

const Greeting = Entity.create({
  name: 'Greeting',
  properties: [
    Property.create({ name: 'text', type: 'string' }),
    Property.create({ name: 'dueAt', type: 'number' }),
    Property.create({ name: 'userId', type: 'string' }),
  ],
})

export const entities = [Greeting]

/** Each greeting is spoken: whoever creates the record, a task is made of it. */
const acmeSpeech: TaskSource<{ text: string }> = {
  entityName: 'Greeting',
  toRequestParams: ({ text }) => ({ text: String(text) }),
  dueAtProperty: 'dueAt',
  userProperty: 'userId',
  api: { namespace: 'acmeSpeech', createName: 'create', toRecord: ({ text }) => ({ text }) },
}

export const sources = { acmeSpeech }

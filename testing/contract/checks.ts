/** What has to hold for any definition, by its shape and by the faults that its simulator has. */
import { deadlines, downloads, endings, reads, secrets } from './answers.js'
import { cancellations } from './cancellations.js'
import { lostAnswers, notNow, results } from './creates.js'
import { deaths } from './deaths.js'
import type { Traits } from './traits.js'
import type { Check } from './world.js'

export function checksOf(traits: Traits): Check[] {
  const of = (hold: boolean, checks: (traits: Traits) => Check[]) => (hold ? checks(traits) : [])
  const isPolled = traits.definition.shape === 'polled'
  return [
    ...results(traits),
    ...of(traits.hasProvider, notNow),
    ...of(traits.hasProvider, lostAnswers),
    ...of(isPolled, reads),
    ...of(traits.hasProvider, endings),
    ...of(traits.hasProvider, downloads),
    ...of(isPolled, deadlines),
    ...of(traits.hasProvider, secrets),
    ...deaths(traits),
    ...cancellations(traits),
  ]
}

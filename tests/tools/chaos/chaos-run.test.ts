import { it } from 'vitest'
import { surviveChaos } from './survive.js'

it('12 tasks in half a minute of chaos: none lost, run twice or paid twice, no stale write accepted', async () => {
  await surviveChaos(12, 0.5, 4)
}, 420_000)

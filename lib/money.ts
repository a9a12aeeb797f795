/** Amounts of money as whole numbers of micro-units, the millionths of a currency's unit: their sums are exact. */
const MICROS = 1_000_000
const DIGITS = 6
const AMOUNT = /^(0|[1-9]\d{0,8})(?:\.(\d{1,6}))?$/

/** `0.04` is 40000 micro-units; undefined if the text is no such amount. */
export function parseAmount(text: string): number | undefined {
  const [, whole, fraction = ''] = AMOUNT.exec(text) ?? []
  return whole === undefined ? undefined : Number(whole) * MICROS + Number(fraction.padEnd(DIGITS, '0'))
}

/** 40000 micro-units are `0.04`: two digits after the point, or as many more as it takes. */
export function spellAmount(micros: number): string {
  const digits = String(Math.abs(micros)).padStart(DIGITS + 1, '0')
  const fraction = digits.slice(-DIGITS).replace(/0{1,4}$/, '')
  return `${micros < 0 ? '-' : ''}${digits.slice(0, -DIGITS)}.${fraction}`
}

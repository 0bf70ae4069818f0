import { language, t } from './i18n.svelte.js'

// number writes n with digits decimals, in the language's own way.
export function number(n, digits = 0) {
  return new Intl.NumberFormat(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n)
}

// day turns "2026-11-24" into "24/11/2026"; unknown parts stay "00".
export function day(iso) {
  const m = /^(\d{4})-(\d{2})-(\d{2})/.exec(iso ?? '')
  return m ? `${m[3]}/${m[2]}/${m[1]}` : ''
}

// parseDay reads "24/11/2026", "24-11-2026", "24112026" or "2026-11-24"; null
// when it is none or no calendar day. "00" is allowed for an unknown day or month.
export function parseDay(text) {
  const s = text.trim()
  let m = /^(\d{1,2})[/. -](\d{1,2})[/. -](\d{4})$/.exec(s) ?? /^(\d{2})(\d{2})(\d{4})$/.exec(s)
  let [y, mo, d] = m ? [m[3], m[2], m[1]] : []
  if (!m) {
    m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(s)
    if (!m) return null
    ;[, y, mo, d] = m
  }
  mo = mo.padStart(2, '0')
  d = d.padStart(2, '0')
  if (mo !== '00' && d !== '00') {
    const date = new Date(Date.UTC(+y, +mo - 1, +d))
    if (date.getUTCMonth() !== +mo - 1 || date.getUTCDate() !== +d) return null
  } else if (+mo > 12 || +d > 31) return null
  return `${y}-${mo}-${d}`
}

export function clock(iso) {
  return new Intl.DateTimeFormat(language() === 'en' ? 'en-GB' : 'vi', { hour: '2-digit', minute: '2-digit', day: '2-digit', month: '2-digit' }).format(new Date(iso))
}

// dayHere is the calendar day in Viet Nam at now (milliseconds), as YYYY-MM-DD.
export function dayHere(now) {
  return new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Ho_Chi_Minh', year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date(now))
}

// age is how long ago iso was, at now (milliseconds), in words.
export function age(iso, now) {
  const s = Math.max(0, Math.round((now - Date.parse(iso)) / 1000))
  if (s < 60) return t('age.seconds', { n: s })
  if (s < 3600) return t('age.minutes', { n: Math.floor(s / 60) })
  if (s < 48 * 3600) return t('age.hours', { n: Math.floor(s / 3600) })
  return t('age.days', { n: Math.floor(s / 86400) })
}

export function seconds(ms) {
  return t('unit.seconds', { n: number(ms / 1000, 2) })
}

export function kilobytes(bytes) {
  return t('unit.kilobytes', { n: number(bytes / 1024, 0) })
}

// groups writes a personal number in readable groups.
export function groups(text) {
  return /^\d{12}$/.test(text ?? '') ? text.replace(/(\d{3})(?=\d)/g, '$1 ') : (text ?? '')
}

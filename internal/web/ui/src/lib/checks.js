// The words of a chip check's reason. The reader names each reason by a stable
// word (a check that passed may have several) and says it in English with details.
import { language, tOr } from './i18n.svelte.js'

// reasonOf gives {text, language}: the reader's own English where the screen is
// English or has no words for it.
export function reasonOf(check) {
  const texts = (check.word ?? '').split(' ').filter(Boolean).map((w) => tOr('check_word.' + w, ''))
  const known = texts.length > 0 && texts.every(Boolean)
  // What passed without reservation only names its algorithms: nothing to act upon.
  if (language() !== 'en' && check.state === 'ok' && !check.word) return { text: '', language: language() }
  if (check.reason && (language() === 'en' || !known)) return { text: check.reason, language: 'en' }
  const file = /\bDG\d+\b/.exec(check.reason ?? '')?.[0] ?? ''
  return { text: known ? texts.join(' ').replaceAll('{file}', file) : '', language: language() }
}

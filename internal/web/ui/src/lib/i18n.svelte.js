// Texts come only from src/i18n/{vi,en}.json: flat keys, {name} for values.
import vi from '../i18n/vi.json'
import en from '../i18n/en.json'

const texts = { vi, en }
const remembered = 'enrold_language'

const state = $state({ language: localStorage.getItem(remembered) === 'en' ? 'en' : 'vi' })
document.documentElement.lang = state.language

export function language() {
  return state.language
}

export function setLanguage(l) {
  state.language = l
  localStorage.setItem(remembered, l)
  document.documentElement.lang = l
}

// t gives the text of key; a key that neither language has shows itself.
export function t(key, values) {
  const text = texts[state.language][key] ?? key
  return values ? text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '') : text
}

// tOr gives the text of key, or other where there is none (codes of devices).
export function tOr(key, other) {
  return texts[state.language][key] ?? other
}

// words picks the failure's words in the current language.
export function words(failure) {
  return state.language === 'en'
    ? { message: failure.message_en, remedy: failure.remedy_en }
    : { message: failure.message_vi, remedy: failure.remedy_vi }
}

// Calls to the daemon. Answers are plain objects: what the daemon said, plus
// status and, where it went wrong, failure (the daemon's words, or ours when it
// cannot be reached).
import vi from '../i18n/vi.json'
import en from '../i18n/en.json'

const unreachable = {
  code: 'E-DESK-UNREACHABLE',
  message_vi: vi['unreachable.message'],
  message_en: en['unreachable.message'],
  remedy_vi: vi['unreachable.remedy'],
  remedy_en: en['unreachable.remedy'],
}

async function call(path, init) {
  let response
  try {
    response = await fetch(path, { credentials: 'same-origin', ...init })
  } catch {
    return { status: 0, failure: unreachable }
  }
  const isJSON = response.headers.get('Content-Type')?.startsWith('application/json')
  const body = isJSON ? await response.json() : {}
  const failure = body.error ?? (response.ok ? null : unreachable)
  return { ...body, status: response.status, failure }
}

export function get(path) {
  return call(path)
}

export function post(path, body) {
  return call(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
}

// States of a queued request, as package queue names them.
const tones = {
  sealed: 'wait', announced: 'wait', uploading: 'wait',
  received: 'going', accepted: 'going', needs_correction: 'wait',
  granted: 'ok', activated: 'ok',
  rejected: 'bad', activation_expired: 'bad', refused: 'bad',
}

// toneOf is ok, bad, going (at the centre) or wait (somebody or something is awaited).
export function toneOf(state) {
  return tones[state] ?? 'wait'
}

// waits says that the request is still to be sent.
export function waits(state) {
  return ['sealed', 'announced', 'uploading'].includes(state)
}

// decided says that the centre has decided: the legal time limit is kept or over.
export function decided(state) {
  return ['granted', 'rejected', 'activated', 'activation_expired'].includes(state)
}

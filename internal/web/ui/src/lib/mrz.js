// lines splits what was typed, scanned or pasted into MRZ lines (Doc 9303-4 §4.2,
// 9303-5 §4.2): two of 44 or three of 30; null when it is neither.
export function lines(text) {
  const all = text
    .toUpperCase()
    .split(/\s*\n\s*/)
    .map((l) => l.replace(/\s/g, ''))
    .filter(Boolean)
  const one = all.join('')
  if (!/^[A-Z0-9<]*$/.test(one)) return null
  if (one.length === 90) return [one.slice(0, 30), one.slice(30, 60), one.slice(60)]
  if (one.length === 88) return [one.slice(0, 44), one.slice(44)]
  return null
}

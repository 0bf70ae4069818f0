package icc

import "testing"

// FuzzProcess sends any bytes to a fresh card and to an open session: the card
// never panics, answers within its limit, and gives no file away in plain.
func FuzzProcess(f *testing.F) {
	for _, s := range []string{
		"", "00", "00A4040C07A0000002471001", "0084000008", "00B0000000", "00B00000000000",
		"0CB000000D9701048E08ED6705417E96BA5500", "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
		"00A4040C000007A00000024710010000", "00B1001E00000354010000FF", "0CB09E0000008701", "0CB09E0003970106",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		card, terminal := newCard(t, Options{MaxResponse: 4096})
		check := func(answer []byte) {
			if len(answer) < 2 || len(answer) > 4096+2 {
				t.Fatalf("answer of %d bytes", len(answer))
			}
		}
		check(card.Process(raw))
		card.Reset()
		if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
			t.Fatalf("the card does not open afterwards: %04X, %v", sw, err)
		}
		// Nobody without the session's keys gets an answer with data.
		answer := card.Process(raw)
		check(answer)
		if len(answer) > 2 {
			t.Fatalf("%d bytes for an unauthenticated command", len(answer)-2)
		}
	})
}

package station

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/enrold/enrold/internal/procedure"
)

// FuzzJournal resumes from any records: no panic, and never further than the
// step of sending.
func FuzzJournal(f *testing.F) {
	w := newWorld()
	d := w.desk(f, "commune_police")
	upTo(f, d, "send")
	for i, e := range w.journal {
		f.Add(e.Step, e.Data, uint8(i))
	}
	f.Add("failed", []byte{0x82, 0x00, 0xa0}, uint8(3))
	base := w.journal
	f.Fuzz(func(t *testing.T, step string, data []byte, at uint8) {
		entries := append([]Entry(nil), base...)
		if int(at) < len(entries) {
			entries[at] = Entry{Step: step, Data: data}
		} else {
			entries = append(entries, Entry{Step: step, Data: data})
		}
		v, err := d.fold("0", entries)
		if err != nil {
			return
		}
		if v.step == StepDone {
			t.Error("a journal made a visit done")
		}
		v.view()
		if v.step == StepSend {
			if _, err := v.request(w.clock, procedure.Due{}, Setting{}, asIs); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLogsHoldNoPersonalData(t *testing.T) {
	var out bytes.Buffer
	w := newWorld()
	d := w.desk(t, "commune_police")
	d.log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	upTo(t, d, "face")
	w.stranger = true
	for range 3 {
		_ = d.CaptureFace(context.Background())
	}
	w.stranger = false
	upTo(t, d, "")
	if out.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	for _, marker := range []string{"099190000011", "NGUY", "912345678", "live frame"} {
		if bytes.Contains(out.Bytes(), []byte(marker)) {
			t.Errorf("the log holds %q:\n%s", marker, out.String())
		}
	}
}

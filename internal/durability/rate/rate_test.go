package rate

import (
	"testing"
	"time"
)

// A short run measures every case and the start: figures come from
// `enrold bench queue`, here only that each is there and adds up.
func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	r, err := Measure(t.Context(), Options{Dir: dir, Rounds: 1, Slice: 100 * time.Millisecond, Rows: 200})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cases) != 4 {
		t.Fatalf("%d cases", len(r.Cases))
	}
	for _, c := range r.Cases {
		t.Logf("%+v", *c)
		if c.Raw <= 0 || c.Queue <= 0 || c.Ratio <= 0 || c.SealedBytes <= c.SampleBytes || c.WorstMS < c.MedianMS || c.SealCPU <= 0 || c.QueueCPU <= 0 ||
			c.Storage <= 0 || c.StorageRatio <= 0 || c.StorageCPU <= 0 {
			t.Errorf("implausible: %+v", *c)
		}
	}
	if r.StartUp == nil || r.StartUp.Rows != 200 || r.StartUp.OpenMS <= 0 || r.StartUp.DueMS <= 0 {
		t.Errorf("start: %+v", r.StartUp)
	}
	t.Logf("%+v", r.StartUp)
}

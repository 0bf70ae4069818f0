package vision

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

func TestLastPersonIsGivenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lastPerson
		defer l.close()
		images := []eid.Blob{{1, 2}, {3}}
		first := face.Template{Model: "m", Values: []float32{1, 2}}
		l.keep(images, first)
		if _, ok := l.take([]eid.Blob{{1}, {2, 3}}); ok {
			t.Error("other images have the template")
		}
		if got, ok := l.take(images); !ok || got.Values[1] != 2 {
			t.Errorf("%v, %v", got, ok)
		}
		if _, ok := l.take(images); ok {
			t.Error("it is given away twice")
		}
		time.Sleep(2 * keptFor)
		if first.Values[0] != 1 {
			t.Error("what was given away is wiped")
		}

		l.keep(images, first)
		second := face.Template{Model: "m", Values: []float32{3, 4}}
		l.keep(images[:1], second)
		if first.Values[0] != 0 || second.Values[0] != 3 {
			t.Errorf("another one came: %v, %v", first.Values, second.Values)
		}
		time.Sleep(keptFor + time.Second)
		synctest.Wait()
		if _, ok := l.take(images[:1]); ok || second.Values[0] != 0 {
			t.Errorf("an old one is kept: %v", second.Values)
		}
	})
}

package vision

import (
	"testing"

	"gocv.io/x/gocv"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/match/face/jpeg2000"
	portraits "github.com/enrold/enrold/match/face/portrait"
)

// TestOthersJPEG2000 reads what another encoder wrote: OpenCV's, which has the
// 5-3 wavelet and no colour transform, in gray and in 16 bits too.
func TestOthersJPEG2000(t *testing.T) {
	for name, c := range map[string]struct {
		kind gocv.MatType
		top  float64 // of a channel
	}{
		"colour": {gocv.MatTypeCV8UC3, 255}, "gray": {gocv.MatTypeCV8UC1, 255},
		"gray of 16 bits": {gocv.MatTypeCV16UC1, 65535}, "colour of 16 bits": {gocv.MatTypeCV16UC3, 65535},
	} {
		// Blue, green and red are 20, 40 and 80 % of the way up.
		m := gocv.NewMatWithSizeFromScalar(gocv.NewScalar(0.2*c.top, 0.4*c.top, 0.8*c.top, 0), 200, 160, c.kind)
		defer m.Close()
		buf, err := gocv.IMEncode(".jp2", m)
		if err != nil {
			t.Fatal(err)
		}
		defer buf.Close()
		img, err := portraits.Decode(buf.GetBytes())
		if err != nil || img.Rect.Dx() != 160 || img.Rect.Dy() != 200 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := [3]int{204, 102, 51}
		if m.Channels() == 1 {
			want = [3]int{51, 51, 51}
		}
		got := img.RGBAAt(80, 100)
		for i, v := range []uint8{got.R, got.G, got.B} {
			if d := int(v) - want[i]; d < -3 || d > 3 {
				t.Errorf("%s: channel %d is %d, want %d", name, i, v, want[i])
			}
		}
	}
}

// TestCaptureAsJPEG2000: a desk that sends portraits as JPEG 2000 decides with
// those, and the screen's JPEG shows the same picture.
func TestCaptureAsJPEG2000(t *testing.T) {
	t.Setenv(formatEnv, string(config.PortraitJPEG2000))
	d := startDesk(t)
	d.sit(t, 2)
	live, err := d.CaptureFace(t.Context(), 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkSamples(t, live)
	for i, s := range live {
		img, err := jpeg2000.Decode(s.Sent())
		if err != nil || img.Rect.Dx() != s.Width || img.Rect.Dy() != s.Height || len(s.JPEG2000) > 100<<10 {
			t.Errorf("sample %d: %d bytes: %v", i, len(s.JPEG2000), err)
		}
		live[i].JPEG = nil // not looked at
	}
	for person, want := range map[int]bool{2: true, 3: false} {
		decision, err := d.CompareFace(t.Context(), portrait(t, person), live)
		if err != nil || decision.Pass != want {
			t.Errorf("portrait of person %d: %+v, %v", person, decision, err)
		}
	}
	if _, err := d.DescribeFaces(t.Context(), live); err != nil {
		t.Errorf("describe: %v", err)
	}
}

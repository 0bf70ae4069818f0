package profile

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,40}$`)

// check returns the first thing wrong with p, and compiles its patterns.
func (p *Profile) check() error {
	switch {
	case !nameForm.MatchString(p.Name):
		return fmt.Errorf("name %q: want lower-case letters, digits and dashes", p.Name)
	case p.Vendor == "" || p.Product == "":
		return errors.New("vendor and product are required")
	case !slices.Contains([]Kind{KindScanner, KindReader, KindCamera, KindMRZ, KindBarcode, KindBridge}, p.Kind):
		return fmt.Errorf("kind %q is unknown", p.Kind)
	case strings.TrimSpace(p.Provenance) == "":
		return errors.New("provenance is required: where do these facts come from")
	}
	if err := p.checkDriver(); err != nil {
		return err
	}
	for i := range p.Match {
		if err := p.Match[i].check(); err != nil {
			return fmt.Errorf("match %d: %w", i+1, err)
		}
	}
	if len(p.Match) == 0 && p.Serial == nil && p.Camera == nil {
		return errors.New("match is required: only serial devices and cameras are chosen by configuration")
	}
	return errors.Join(p.Serial.check(p.Driver), p.Reader.check(), p.Camera.check())
}

func (p *Profile) checkDriver() error {
	if p.Driver == "" {
		if p.Status != "" {
			return errors.New("status without a driver")
		}
		if !slices.Contains([]string{"native", "vendor-service", "none"}, p.Plan) {
			return fmt.Errorf("plan %q: without a driver it is native, vendor-service or none", p.Plan)
		}
		if p.Reason == "" {
			return errors.New("reason is required without a driver")
		}
		return nil
	}
	if p.Plan != "" || p.Reason != "" {
		return errors.New("plan and reason belong to a product without a driver")
	}
	if !slices.Contains([]Status{StatusClaimed, StatusEmulated, StatusReplay, StatusHardware}, p.Status) {
		return fmt.Errorf("status %q: want claimed, emulated, replay-verified or hardware-verified", p.Status)
	}
	if p.Driver == "zfm" && p.Serial == nil {
		return errors.New("driver zfm needs a [serial] table")
	}
	tuned := map[Kind]bool{KindReader: p.Reader != nil, KindCamera: p.Camera != nil}
	if has, needed := tuned[p.Kind]; needed && !has {
		return fmt.Errorf("a %s with a driver needs its [%s] table", p.Kind, p.Kind)
	}
	return nil
}

func (m *Match) check() error {
	if m.PID != 0 && m.VID == 0 {
		return errors.New("pid without vid")
	}
	if (m.RevisionMin != 0 || m.RevisionMax != 0) && (m.PID == 0 || m.RevisionMax < m.RevisionMin) {
		return errors.New("a revision range needs vid, pid and min <= max")
	}
	if m.VID == 0 && m.Class == 0 && m.Name == "" {
		return errors.New("matches everything")
	}
	if m.Name == "" {
		return nil
	}
	re, err := regexp.Compile(m.Name)
	if err != nil {
		return fmt.Errorf("name: %w", err)
	}
	m.pattern = re
	return nil
}

// Instructions of the ZFM family that destroy or lock: no profile may send them.
var forbiddenZFM = map[byte]string{0x0c: "DeletChar", 0x0d: "Empty", 0x0e: "SetSysPara", 0x12: "SetPwd", 0x15: "SetAdder", 0x18: "WriteNotepad"}

func (s *Serial) check(driver string) error {
	if s == nil {
		return nil
	}
	if len(s.Bauds) == 0 || len(s.Bauds) > 8 {
		return errors.New("serial.bauds: want 1 to 8 speeds")
	}
	for _, b := range s.Bauds {
		if b < 9600 || b > 921600 {
			return fmt.Errorf("serial.bauds: %d is out of 9600 to 921600", b)
		}
	}
	if driver == "zfm" {
		switch {
		case s.Width < 64 || s.Width > 1024 || s.Height < 64 || s.Height > 1024 || s.Width*s.Height%2 != 0:
			return fmt.Errorf("serial: image %dx%d is out of bounds", s.Width, s.Height)
		case s.DPI < 250 || s.DPI > 1000:
			return fmt.Errorf("serial.dpi: %d is out of 250 to 1000", s.DPI)
		case s.BitsPerPixel != 4 && s.BitsPerPixel != 8:
			return fmt.Errorf("serial.bits_per_pixel: %d: want 4 or 8", s.BitsPerPixel)
		case !slices.Contains([]int{32, 64, 128, 256}, s.PacketSize):
			return fmt.Errorf("serial.packet_size: %d: want 32, 64, 128 or 256", s.PacketSize)
		case s.AnswerMS < 50 || s.AnswerMS > 5000 || s.PollMS < 5 || s.PollMS > 1000:
			return errors.New("serial: answer_ms is 50 to 5000, poll_ms 5 to 1000")
		}
	}
	for name, steps := range map[string][]Step{"init": s.Init, "place": s.Place, "lift": s.Lift} {
		payloads, err := Payloads(steps)
		if err != nil {
			return fmt.Errorf("serial.%s: %w", name, err)
		}
		for _, p := range payloads {
			if what, bad := forbiddenZFM[p[0]]; bad && driver == "zfm" {
				return fmt.Errorf("serial.%s: a profile may not send %s", name, what)
			}
		}
	}
	return nil
}

// Payloads decodes steps: each 1 to 32 bytes.
func Payloads(steps []Step) ([][]byte, error) {
	if len(steps) > MaxSteps {
		return nil, fmt.Errorf("%d steps: at most %d", len(steps), MaxSteps)
	}
	var out [][]byte
	for i, s := range steps {
		b, err := hex.DecodeString(strings.ReplaceAll(s.Send, " ", ""))
		if err != nil || len(b) == 0 || len(b) > 32 {
			return nil, fmt.Errorf("step %d: want 1 to 32 bytes in hexadecimal", i+1)
		}
		out = append(out, b)
	}
	return out, nil
}

func (r *Reader) check() error {
	if r == nil {
		return nil
	}
	if r.Slot != "" {
		re, err := regexp.Compile(r.Slot)
		if err != nil {
			return fmt.Errorf("reader.slot: %w", err)
		}
		r.slot = re
	}
	if _, err := Payloads(r.Escape); err != nil {
		return fmt.Errorf("reader.escape: %w", err)
	}
	if !slices.IsSortedFunc(r.Ladder, func(a, b int) int { return b - a }) || len(r.Ladder) == 0 || r.Ladder[len(r.Ladder)-1] < 1 || r.Ladder[0] > 65536 {
		return errors.New("reader.ladder: want lengths from 65536 down to 1, largest first")
	}
	if r.APDU != "extended" && r.Ladder[0] > 256 {
		return fmt.Errorf("reader.ladder: %d is no short length, and reader.apdu is %s", r.Ladder[0], r.APDU)
	}
	for _, f := range []struct {
		key, value string
		allowed    []string
	}{
		{"apdu", r.APDU, []string{"short", "extended", "tpdu"}},
		{"select_mf", r.SelectMF, []string{"skip", "tolerate", "require"}},
		{"share", r.Share, []string{"exclusive", "shared"}},
		{"disconnect", r.Disconnect, []string{"leave", "reset", "unpower"}},
	} {
		if !slices.Contains(f.allowed, f.value) {
			return fmt.Errorf("reader.%s %q: want one of %v", f.key, f.value, f.allowed)
		}
	}
	if r.MaxMessage < 261 || r.DebounceMS < 0 || r.DebounceMS > 5000 || r.SessionS < 1 || r.SessionS > 600 {
		return errors.New("reader: max_message is at least 261, debounce_ms 0 to 5000, session_s 1 to 600")
	}
	return nil
}

func (c *Camera) check() error {
	if c == nil {
		return nil
	}
	if c.Width < 320 || c.Width > 8192 || c.Height < 240 || c.Height > 8192 || c.FPS < 1 || c.FPS > 240 || c.Warmup < 0 || c.Warmup > 120 || len(c.FourCC) != 4 {
		return errors.New("camera: width, height, fps, warmup or fourcc out of bounds")
	}
	return nil
}

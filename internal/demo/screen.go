package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
)

// Screen is a native client of the daemon's local API: what the officer's
// browser does, without a browser.
type Screen struct {
	base, token string
	http        *http.Client
}

// Refused is an API answer with a failure in it.
type Refused struct {
	Status  int
	Failure eid.Failure
}

func (r *Refused) Error() string { return fmt.Sprintf("%s: %s", r.Failure.Code, r.Failure.MessageEN) }

func newScreen(address string) (*Screen, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("read the screen's address: %w", err)
	}
	token, ok := strings.CutPrefix(u.Fragment, "token=")
	if !ok {
		return nil, fmt.Errorf("the screen's address has no token")
	}
	return &Screen{base: "http://" + u.Host, token: token, http: &http.Client{}}, nil
}

func (s *Screen) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return s.http.Do(r)
}

func (s *Screen) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := s.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		var failed struct {
			Error *eid.Failure `json:"error"`
		}
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if json.Unmarshal(b, &failed) == nil && failed.Error != nil {
			return &Refused{resp.StatusCode, *failed.Error}
		}
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, bytes.TrimSpace(b))
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", path, err)
	}
	return nil
}

// Act does one action of the visit ("visit", "chip", "face", …) and returns the
// visit as it then stands. A failure of the step comes as *Refused.
func (s *Screen) Act(ctx context.Context, action string, in any) (*station.View, error) {
	var out struct {
		Visit *station.View `json:"visit"`
	}
	err := s.call(ctx, http.MethodPost, "/api/"+action, in, &out)
	return out.Visit, err
}

// Visit returns the open or last visit, nil when there was none.
func (s *Screen) Visit(ctx context.Context) (*station.View, error) {
	var out struct {
		Visit *station.View `json:"visit"`
	}
	err := s.call(ctx, http.MethodGet, "/api/visit", nil, &out)
	return out.Visit, err
}

// Unlock enters the PIN of the officer's token.
func (s *Screen) Unlock(ctx context.Context, pin string) error {
	var out struct {
		Token web.Token `json:"token"`
	}
	return s.call(ctx, http.MethodPost, "/api/unlock", map[string]string{"pin": pin}, &out)
}

// Queue returns the newest requests.
func (s *Screen) Queue(ctx context.Context) ([]web.QueueRow, error) {
	var out struct {
		Rows []web.QueueRow `json:"rows"`
	}
	err := s.call(ctx, http.MethodGet, "/api/queue", nil, &out)
	return out.Rows, err
}

// Devices returns the workers' states.
func (s *Screen) Devices(ctx context.Context) ([]web.Device, error) {
	var out struct {
		Devices []web.Device `json:"devices"`
	}
	err := s.call(ctx, http.MethodGet, "/api/devices", nil, &out)
	return out.Devices, err
}

// ConsentText returns the text in force.
func (s *Screen) ConsentText(ctx context.Context, language string) (web.ConsentText, error) {
	var out web.ConsentText
	err := s.call(ctx, http.MethodGet, "/api/consent-text?language="+language, nil, &out)
	return out, err
}

// Events calls each with every event until ctx ends or the daemon does.
// connected is called once the stream is open.
func (s *Screen) Events(ctx context.Context, connected func(), each func(station.Event)) error {
	resp, err := s.do(ctx, http.MethodGet, "/api/events", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("events: %s", resp.Status)
	}
	connected()
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		data, ok := strings.CutPrefix(line, "data:")
		if !ok {
			continue
		}
		var e station.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("decode event: %w", err)
		}
		each(e)
	}
}

package published

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/sync/wire"
)

// Patterns of the central's routes (net/http ServeMux).
const (
	PatternList = "GET /v1/published"
	PatternItem = "GET /v1/published/{hash}"
)

const (
	maxList      = 64 << 10
	dialTimeout  = 5 * time.Second
	listTimeout  = 30 * time.Second
	fetchTimeout = 10 * time.Minute // 8 MB at 128 kbit/s
)

// Handler serves what s keeps. Any desk may read it: it is public, and its worth
// is the root's signature. Who may connect at all is the server's to say.
func Handler(s *Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(PatternList, func(w http.ResponseWriter, _ *http.Request) {
		entries := []Entry{}
		for _, k := range s.All() {
			entries = append(entries, Entry{k.Kind, k.Version, k.Hash})
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		// A failed write is the desk's to notice: it asks again.
		_ = json.NewEncoder(w).Encode(entries)
	})
	mux.HandleFunc(PatternItem, func(w http.ResponseWriter, r *http.Request) {
		for _, k := range s.All() {
			if k.Hash == r.PathValue("hash") {
				w.Header().Set("Content-Type", wire.TypeStatement)
				_, _ = w.Write(k.Signed)
				return
			}
		}
		wire.WriteProblem(w, http.StatusNotFound, wire.ReasonUnknown)
	})
	return mux
}

// Client is a central's list as a desk sees it.
type Client struct {
	base   string
	client *http.Client
}

// NewClient speaks with the central at base ("https://host:port").
func NewClient(base string, conf *tls.Config) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("central's URL %q: want https://host:port", base)
	}
	t := &http.Transport{
		TLSClientConfig: conf, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: listTimeout, IdleConnTimeout: time.Minute,
	}
	return &Client{base: "https://" + u.Host, client: &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// List returns what the central offers.
func (c *Client) List(ctx context.Context) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	body, err := c.get(ctx, "/v1/published", maxList)
	if err != nil {
		return nil, err
	}
	return parseList(body)
}

func parseList(body []byte) ([]Entry, error) {
	var entries []Entry
	if err := json.Unmarshal(body, &entries); err != nil {
		return nil, eid.Fail(eid.CodePublished, "list published items", errors.New("not a list"))
	}
	if len(entries) > maxFiles {
		return nil, eid.Fail(eid.CodePublished, "list published items", fmt.Errorf("%d entries", len(entries)))
	}
	return entries, nil
}

// Item fetches one signed item and checks it against its hash.
func (c *Client) Item(ctx context.Context, e Entry) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	message, err := c.get(ctx, "/v1/published/"+url.PathEscape(e.Hash), MaxSigned)
	if err != nil {
		return nil, err
	}
	if Hash(message) != e.Hash {
		return nil, eid.Fail(eid.CodePublished, "fetch published item", fmt.Errorf("%s does not fit its hash", e.Kind))
	}
	return message, nil
}

func (c *Client) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	const op = "fetch published items"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, eid.Fail(eid.CodeOffline, op, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, eid.Fail(eid.CodeSyncRefused, op, wire.ReadProblem(resp.StatusCode, resp.Body))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, eid.Fail(eid.CodeOffline, op, err)
	}
	if int64(len(body)) > limit {
		return nil, eid.Fail(eid.CodePublished, op, fmt.Errorf("more than %d bytes", limit))
	}
	return body, nil
}

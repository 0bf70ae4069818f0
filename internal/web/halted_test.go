package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/web/e2e"
)

func TestHalted(t *testing.T) {
	handler, err := web.Halted(listen, eid.CodeQueueRollback)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, path, header string
		status               int
	}{
		{"GET", "/api/desk", "Sec-Fetch-Site: same-origin", 503},
		{"POST", "/api/visit", "Sec-Fetch-Site: same-origin", 503},
		{"POST", "/api/session/renew", "", 503},
		{"GET", "/api/desk", "Sec-Fetch-Site: cross-site", 403},
		{"GET", "/api/desk", "Origin: http://example.com", 403},
		{"POST", "/", "", 405},
	} {
		r := httptest.NewRequest(test.method, "http://"+listen+test.path, strings.NewReader("{}"))
		if name, value, ok := strings.Cut(test.header, ": "); ok {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s %s %s: %d, want %d", test.method, test.path, test.header, w.Code, test.status)
		}
		if w.Code != 503 {
			continue
		}
		var got reply
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Error == nil || got.Error.Code != eid.CodeQueueRollback {
			t.Errorf("%s: %s", test.path, w.Body)
		}
	}
}

// TestHaltedScreen: the page says why the desk does not begin, and goes on by
// itself once somebody has mended it.
func TestHaltedScreen(t *testing.T) {
	browserOrSkip(t)
	l := listener(t, "127.0.0.1:0")
	address := l.Addr().String()
	handler, err := web.Halted(address, eid.CodeQueueRollback)
	if err != nil {
		t.Fatal(err)
	}
	halted := &http.Server{Handler: handler}
	ended := make(chan error, 1)
	go func() { ended <- halted.Serve(l) }()
	d := &fakeDesk{}
	o := web.Options{Desk: d, Queue: d, Devices: d, Info: web.Info{Role: "commune_police"}}
	if o.Token, err = web.NewToken(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = e2e.Halted(ctx, "http://"+address+"/#token="+o.Token, shots(t), axe(t), eid.CodeQueueRollback, func() error {
		err := halted.Close()
		<-ended
		serve(t, o, listener(t, address))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/wire"
)

// TestOpenAPI holds docs/openapi.yaml against the routes: every pattern is in the
// document, and every operation of the document is served.
func TestOpenAPI(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s, want 3.1", doc.OpenAPI)
	}
	documented := map[string]bool{}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			documented[method+" "+path] = true
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" {
				t.Errorf("%s %s: operation id missing or used twice, or no summary", method, path)
			}
			ids[op.OperationID] = true
		}
	}
	// Package upload serves everything under its root and tells methods apart.
	uploads := []string{"OPTIONS " + wire.UploadsPath, "POST " + wire.UploadsPath, "HEAD " + wire.UploadsPath + "{id}", "PATCH " + wire.UploadsPath + "{id}"}
	served := append([]string{published.PatternList, published.PatternItem}, uploads...)
	for _, p := range intake.Patterns() {
		if p != wire.UploadsPath {
			served = append(served, p)
		}
	}
	for _, p := range served {
		if !documented[p] {
			t.Errorf("%s is served and not in docs/openapi.yaml", p)
		}
	}
	for p := range documented {
		if !slices.Contains(served, p) {
			t.Errorf("%s is in docs/openapi.yaml and not served", p)
		}
	}
	asked(t, documented)
}

// asked asks for every documented operation without a certificate: the intake's
// own refusal, and not the multiplexer's, answers.
func asked(t *testing.T, documented map[string]bool) {
	seal, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	in, err := intake.Open(t.Context(), intake.Options{Dir: t.TempDir(), SealKey: seal, Receipt: receipt, Decider: later{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	for op := range documented {
		method, path, _ := strings.Cut(op, " ")
		if strings.HasPrefix(path, "/v1/published") {
			continue // beside the intake; package published tests them
		}
		r := httptest.NewRequest(method, strings.ReplaceAll(path, "{id}", "0198c0de-1234-7abc-8def-0123456789ab"), nil)
		r.Header.Set(wire.HeaderTusResumable, wire.TusVersion)
		w := httptest.NewRecorder()
		in.Handler().ServeHTTP(w, r)
		want := http.StatusForbidden
		if method == http.MethodOptions {
			want = http.StatusNoContent
		}
		if w.Code != want {
			t.Errorf("%s = %d, want %d", op, w.Code, want)
		}
	}
}

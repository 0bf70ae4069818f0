package osia

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// checked puts a check of every request and answer before the server: against
// OSIA's own description where $ENROLD_OSIA names that file, and against what is
// written down of it below in any case.
func checked(t *testing.T, next http.Handler) http.Handler {
	t.Helper()
	path := os.Getenv("ENROLD_OSIA")
	if path == "" {
		t.Log("ENROLD_OSIA does not name OSIA's enrollment.yaml: only the committed shapes are checked")
		return shaped(t, next)
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: "/osia"}}
	if err := doc.Validate(loader.Context, openapi3.DisableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return described(t, router, shaped(t, next))
}

// described validates against the description.
func described(t *testing.T, router routers.Router, next http.Handler) http.Handler {
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, params, err := router.FindRoute(r)
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			return
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			t.Errorf("request %s %s: %v", r.Method, route.Path, err)
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: rec.Code, Header: rec.Header(), Options: options}
		out.SetBodyBytes(rec.Body.Bytes())
		if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
			t.Errorf("answer %d to %s %s: %v", rec.Code, r.Method, route.Path, err)
		}
		replay(w, rec)
	})
}

func replay(w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// Members that OSIA Enrollment 1.3.0 allows, as far as we use its objects: it
// refuses others.
var members = map[string][]string{
	"":               {"enrollmentType", "enrollmentFlags", "requestData", "contextualData", "biographicData", "biometricData", "documentData", "encryption", "integrity"},
	"documentData":   {"documentType", "documentTypeOther", "instance", "parts", "integrity"},
	"parts":          {"pages", "data", "dataRef", "width", "height", "mimeType", "captureDate", "captureDevice", "encryption", "integrity"},
	"encryption":     {"type", "scope"},
	"integrity":      {"id", "type", "scope", "alg", "encrypted", "followRef", "hash", "signature", "signatureRef"},
	"requestData":    nil, // open
	"contextualData": nil,
}

var required = map[string][]string{
	"documentData": {"documentType", "parts"},
	"encryption":   {"type", "scope"},
	"integrity":    {"scope", "alg", "hash"},
}

// shaped checks the members of JSON bodies.
func shaped(t *testing.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") == "application/json" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			var v any
			if err := json.Unmarshal(body, &v); err != nil {
				t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			}
			for _, fault := range shape("", v) {
				t.Errorf("%s %s: %s", r.Method, r.URL.Path, fault)
			}
		} else if strings.HasSuffix(r.URL.Path, "/buffer") {
			kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), "/")
			if kind != "application" && kind != "image" || !strings.HasPrefix(r.Header.Get("Digest"), "SHA-256=") {
				t.Errorf("buffer of type %q with digest %q", r.Header.Get("Content-Type"), r.Header.Get("Digest"))
			}
		}
		next.ServeHTTP(w, r)
	})
}

func shape(name string, v any) (faults []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			faults = append(faults, shape(name, e)...)
		}
	case map[string]any:
		allowed, closed := members[name]
		if allowed == nil && closed {
			return nil
		}
		for k, e := range v {
			if !slices.Contains(allowed, k) {
				faults = append(faults, "member "+name+"."+k+" is not OSIA's")
			}
			faults = append(faults, shape(k, e)...)
		}
		for _, k := range required[name] {
			if _, ok := v[k]; !ok {
				faults = append(faults, "member "+name+"."+k+" is missing")
			}
		}
	}
	return faults
}

func TestShape(t *testing.T) {
	for body, bad := range map[string]bool{
		`{"requestData":{"any":1},"documentData":[{"documentType":"OTHER","parts":[{"dataRef":"x"}]}]}`: false,
		`{"enrollmentId":"read-only"}`:                                  true,
		`{"documentData":[{"documentType":"OTHER"}]}`:                   true,
		`{"documentData":[{"documentType":"OTHER","parts":[{"x":1}]}]}`: true,
		`{"integrity":[{"scope":"$","alg":"SHA256"}]}`:                  true,
	} {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		if got := shape("", v); (len(got) > 0) != bad {
			t.Errorf("%s: %v", body, got)
		}
	}
}

package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
)

var ident = request.Ident{Desk: "desk-1", Request: "0198c0de-1234-7abc-8def-0123456789ab", Seq: 7}

func receiptKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestStatements(t *testing.T) {
	key, hash, now := receiptKey(t), request.Hash([]byte("sealed")), time.Now()
	for _, s := range []Statement{
		NewReceipt(ident, hash, now),
		NewResult(ident, hash, StateGranted, "", now),
		NewResult(ident, hash, StateRejected, "face_no_match", now),
	} {
		signed, err := SignStatement(key, s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := VerifyStatement(&key.PublicKey, signed)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.About(s.Kind, ident, hash); err != nil || got.State != s.State || got.Reason != s.Reason || got.Time != now.UnixMilli() {
			t.Fatalf("got %+v, want %+v (%v)", got, s, err)
		}
		if _, err := VerifyStatement(&receiptKey(t).PublicKey, signed); err == nil {
			t.Fatal("another key verified it")
		}
		for i := range signed {
			bad := bytes.Clone(signed)
			bad[i] ^= 1 << (i % 8)
			if got, err := VerifyStatement(&key.PublicKey, bad); err == nil {
				t.Fatalf("%s: byte %d of %d may be changed: %+v", s.Kind, i, len(signed), got)
			}
		}
	}
}

func TestStatementsThatAreNotSigned(t *testing.T) {
	key, hash, now := receiptKey(t), request.Hash([]byte("sealed")), time.Now()
	for name, s := range map[string]Statement{
		"no id":                 NewReceipt(request.Ident{Desk: "desk-1", Seq: 1}, hash, now),
		"no desk":               NewReceipt(request.Ident{Request: ident.Request, Seq: 1}, hash, now),
		"no number":             NewReceipt(request.Ident{Request: ident.Request, Desk: "desk-1"}, hash, now),
		"short hash":            NewReceipt(ident, hash[:31], now),
		"rejected, no reason":   NewResult(ident, hash, StateRejected, "", now),
		"granted with a reason": NewResult(ident, hash, StateGranted, "x", now),
		"a decided receipt":     {Kind: KindReceipt, RequestID: ident.Request, DeskID: ident.Desk, Seq: 7, BodyHash: hash, State: StateGranted, Time: 1},
		"reason with words":     NewResult(ident, hash, StateRejected, "Not This Person", now),
	} {
		if _, err := SignStatement(key, s); err == nil {
			t.Errorf("%s: it was signed", name)
		}
	}
}

func TestDigest(t *testing.T) {
	// RFC 9530 appendix B.1 gives the digest of this content.
	body := []byte("{\"hello\": \"world\"}\n")
	const want = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
	if got := Digest(body); got != want {
		t.Fatalf("Digest = %s, want %s", got, want)
	}
	for value, ok := range map[string]bool{want: true, "sha-512=:AAAA:, " + want: true, "": false, "sha-256=:AAAA:": false, strings.ToUpper(want): false} {
		if err := CheckDigest(value, body); (err == nil) != ok {
			t.Errorf("CheckDigest(%q) = %v", value, err)
		}
	}
}

func TestProblems(t *testing.T) {
	w := httptest.NewRecorder()
	WriteProblem(w, 409, ReasonOtherBody)
	if p := ReadProblem(w.Code, w.Body); p != (Problem{Status: 409, Code: ReasonOtherBody}) {
		t.Fatalf("ReadProblem = %+v", p)
	}
	for _, body := range []string{"", "<html>", `{"status":400,"code":"x"}`, `{"status":409,"code":"Nguyễn Văn An"}`, `{"status":409,"code":"` + strings.Repeat("a", 65) + `"}`} {
		if p := ReadProblem(409, strings.NewReader(body)); p.Code != "" || p.Status != 409 {
			t.Errorf("ReadProblem(%q) = %+v, want no code", body, p)
		}
	}
}

func FuzzVerifyStatement(f *testing.F) {
	key := receiptKey(f)
	s := NewResult(ident, request.Hash([]byte("sealed")), StateRejected, "face_no_match", time.Now())
	signed, err := SignStatement(key, s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte{0xd2, 0x84, 0x40, 0xa0, 0x40, 0x40})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := VerifyStatement(&key.PublicKey, data)
		if err == nil && got.About(s.Kind, ident, s.BodyHash) != nil {
			t.Fatal("a statement verified that was never signed")
		}
	})
}

func FuzzDecodeStatement(f *testing.F) {
	good, err := statementEnc.Marshal(NewReceipt(ident, request.Hash(nil), time.Now()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := decodeStatement(data); err == nil && s.check() != nil {
			t.Fatal("an invalid statement was accepted")
		}
	})
}

func FuzzProblem(f *testing.F) {
	f.Add(409, []byte(`{"status":409,"code":"body_conflict"}`))
	f.Fuzz(func(t *testing.T, status int, data []byte) {
		if p := parseProblem(status, data); p.Status != status || !validReason(string(p.Code)) {
			t.Fatalf("accepted %+v", p)
		}
	})
}

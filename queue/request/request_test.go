package request

import (
	"bytes"
	"crypto/hpke"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

var update = flag.Bool("update", false, "write golden files")

// example is a full request of a synthetic person; its encoding is a golden vector.
func example() Body {
	at := time.Date(2026, 11, 17, 8, 30, 0, 123456789, time.FixedZone("", 7*3600))
	trusted, counter := at.Add(-time.Hour), uint64(41)
	return Body{
		Version: BodyVersion, DeskID: "desk-1", Seq: 7, Previous: bytes.Repeat([]byte{0xab}, HashSize), Software: "enrold 0.1", SignedBy: []Role{RoleDevice, RoleOfficer},
		Clocks: Clocks{Wall: at, BootID: bytes.Repeat([]byte{0xb0}, 16), Monotonic: 3_600_000_000_001, Trusted: &trusted, Counter: &counter},
		Request: station.Request{
			ID: "0198c0de-1234-7abc-8def-0123456789ab", Procedure: eid.CitizenLevel2, RuleSet: "vn-69-2024",
			Subject: eid.Subject{
				Kind: eid.CitizenLevel2, Capacity: eid.CapacityWard, PersonalNumber: "099078000404", Name: "QUÁCH TRƯỜNG UYÊN PHƯƠNG THẢO",
				NameMRZ: "QUACH<<TRUONG<UYEN<PHUONG<THAO", Birth: "1978-02-28", Sex: "M", Nationality: "VNM", Address: "Số 1, phố Ví Dụ",
			},
			Guardian: &eid.Guardian{Name: "NGUYỄN VĂN AN", Number: "099064000101", Relation: "father", Phone: "0900000101"},
			Documents: []eid.Document{{
				Type: eid.DocumentCCCD, Number: "078000404", IssuingState: "VNM", Issued: "2023-02-28", Expiry: "2038-02-28", TrustAge: 86400,
				Chip: &eid.ChipDocument{
					Kind: eid.DocumentCCCD,
					Holder: eid.Holder{
						PersonalNumber: "099078000404", DocumentNumber: "078000404", Name: "QUÁCH TRƯỜNG UYÊN PHƯƠNG THẢO",
						NameMRZ: "QUACH<<TRUONG<UYEN<PHUONG<THAO", Birth: "1978-02-28", Sex: "M", Nationality: "VNM", IssuingState: "VNM", Expiry: "2038-02-28",
					},
					MRZ: []eid.Private{"IDVNM0780004044099078000404<<0"}, Portrait: eid.Blob{0xff, 0xd8}, PortraitType: "image/jpeg",
					Access: "BAC", PA: eid.Check{State: eid.CheckOK}, CA: eid.Check{State: eid.CheckNotPossible, Word: "no_dg14", Reason: "no DG14"},
					DataGroups: []eid.DataGroup{{Number: 1, SHA256: bytes.Repeat([]byte{1}, 32), Bytes: 95}}, SODSHA256: bytes.Repeat([]byte{2}, 32),
					Signer: "CN=Synthetic DS", TrustSHA256: bytes.Repeat([]byte{3}, 32), TrustTime: at.Add(-24 * time.Hour),
					Comparisons: []eid.Comparison{{Field: "name", A: eid.SourceDG1, B: eid.SourceDG13, Result: eid.AgreementOK, Tier: "exact"}},
					APDUs:       20, LeastAPDUs: 18, Bytes: 12345, Reader: "reader", Origin: eid.OriginEmulated,
				},
			}},
			Contacts: eid.Contacts{Phone: "0900000103", Email: "phuong.thao@example.invalid"},
			Portraits: []eid.PortraitRecord{{
				Record: eid.Blob("FAC\x00010\x00"), Width: 640, Height: 480, Quality: 80,
				Measures: []eid.Measure{{Name: "sharpness", Value: 70}}, Device: "camera", Origin: eid.OriginEmulated, Taken: at,
			}},
			Fingers: []eid.FingerRecord{{
				Position: eid.RightIndex, Impression: 1, WSQ: eid.Blob{0xff, 0xa0}, Minutiae: eid.Blob("FMR\x00 20\x00"),
				Width: 256, Height: 288, DPI: 500, Quality: 60, Device: "scanner", Origin: eid.OriginEmulated, Taken: at,
			}},
			Decisions: []eid.Decision{
				eid.FaceDecision{Engine: "dlib", Model: "m", Metric: "euclidean", Score: 0.4375, Threshold: 0.6, Pass: true}.Decision(2),
				eid.FingerDecision{Position: eid.RightIndex, Engine: "e/2", Quality: 60, Score: 21.3, Threshold: 8.5, Pass: true}.Decision(eid.DecisionFinger, 1),
			},
			Attempts:   map[string]int{"finger-2": 1, "chip": 1, "face": 2},
			Exceptions: []eid.Exception{{Kind: eid.ExceptionFinger, Position: eid.LeftIndex, Reason: "amputated", Supervisor: "supervisor-1", At: at}},
			Warnings:   []eid.Code{eid.CodePINStruct},
			Consent: eid.Consent{
				TextVersion: "vn-69-2024/1", Language: "vi", Method: "signature_pad", Given: at, By: "guardian",
				TextSHA256: bytes.Repeat([]byte{4}, 32), Signature: eid.Blob("\x89PNG"),
			},
			Officer:    "officer-1",
			Devices:    []eid.Device{{Kind: "scanner", Name: "ZFM-20", Serial: "S1", Firmware: "1.2", Profile: "zfm-20", Origin: eid.OriginEmulated}},
			Digests:    []eid.Digest{{Kind: "program", Name: "enrold", SHA256: bytes.Repeat([]byte{5}, 32)}},
			ReceivedAt: at, DueAt: "2026-11-20", DueRule: "CLK-2", DecidedBy: "local_precheck",
		},
	}
}

func TestBodyGolden(t *testing.T) {
	got, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/body.golden.hex"
	if *update {
		var lines strings.Builder
		for chunk := got; len(chunk) > 0; {
			n := min(40, len(chunk))
			fmt.Fprintf(&lines, "%x\n", chunk[:n])
			chunk = chunk[n:]
		}
		if err := os.WriteFile(golden, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("the encoding changed (run with -update if that is meant):\n%x", got)
	}
	back, err := Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Encode(back); err != nil || !bytes.Equal(again, want) {
		t.Fatalf("decode and encode is not the identity: %v", err)
	}
	if back.Request.Subject != example().Request.Subject || !back.Request.ReceivedAt.Equal(example().Request.ReceivedAt) {
		t.Fatal("the decoded body differs")
	}
	// No score: 0.4375 and 21.3 are in no body (requirements BIO-5).
	for _, score := range []float64{0.4375, 21.3} {
		raw, err := encMode.Marshal(score)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(got, raw) {
			t.Errorf("the score %v is in the body", score)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Body){
		"version":        func(b *Body) { b.Version = 1 },
		"desk":           func(b *Body) { b.DeskID = "desk 1/../x" },
		"no desk":        func(b *Body) { b.DeskID = "" },
		"UUID version 4": func(b *Body) { b.Request.ID = "0198c0de-1234-4abc-8def-0123456789ab" },
		"id":             func(b *Body) { b.Request.ID = "0198C0DE-1234-7ABC-8DEF-0123456789AB" },
		"number":         func(b *Body) { b.Seq = 0 },
		"previous":       func(b *Body) { b.Previous = nil },
		"invalid UTF-8":  func(b *Body) { b.Request.Subject.Name = "\xff" },
	} {
		b := example()
		spoil(&b)
		if _, err := Encode(b); err == nil {
			t.Errorf("%s: Encode accepted it", name)
		}
	}
}

func TestDecodeRefusesOtherEncodings(t *testing.T) {
	good, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	// 0x07 as 0x1807: the same number, not the shortest form.
	long := bytes.Replace(good, []byte("cseq\x07"), []byte("cseq\x18\x07"), 1)
	for name, data := range map[string][]byte{
		"trailing byte": append(bytes.Clone(good), 0),
		"cut":           good[:len(good)-1],
		"long form":     long,
		"empty":         nil,
		"unknown field": append([]byte{good[0] + 1}, append(bytes.Clone(good[1:]), 0x61, 'z', 0x01)...),
	} {
		if _, err := Decode(data); err == nil {
			t.Errorf("%s: Decode accepted it", name)
		}
	}
	if len(long) == len(good) {
		t.Fatal("the long form was not made")
	}
}

// ends returns the keys of a desk and of its central.
func ends(t testing.TB) (*DeviceKey, hpke.PrivateKey) {
	t.Helper()
	key, err := LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), "device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	central, err := SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key, central
}

// known lets keys sign in both roles.
func known(keys ...Signer) (v KnownKeys) {
	for _, k := range keys {
		v.Devices, v.Officers = append(v.Devices, k.Public()), append(v.Officers, k.Public())
	}
	return v
}

func sealedTo(keys ...hpke.PrivateKey) (to []hpke.PublicKey) {
	for _, k := range keys {
		to = append(to, k.PublicKey())
	}
	return to
}

func TestSealOpen(t *testing.T) {
	key, central := ends(t)
	sealed, err := Seal(sealedTo(central), Signers{Device: key}, example())
	if err != nil {
		t.Fatal(err)
	}
	body, by, err := Open(central, known(key), sealed)
	if err != nil || by.Device.Origin != KeySoftware || body.Seq != 7 || body.Request.ID != example().Request.ID {
		t.Fatalf("Open = %+v, %v, %v", body.Seq, by.Device.Origin, err)
	}
	plain, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("body %d bytes, sealed %d", len(plain), len(sealed))
	if bytes.Contains(sealed, []byte("PHƯƠNG")) || bytes.Contains(sealed, []byte("099078000404")) {
		t.Fatal("sealed bytes are readable")
	}

	other, otherCentral := ends(t)
	if _, _, err := Open(central, known(other), sealed); err == nil {
		t.Error("another device's key verified the signature")
	}
	if _, _, err := Open(otherCentral, known(key), sealed); err == nil {
		t.Error("another central opened the request")
	}
	// A signed body that hides behind another request's header.
	signed, err := Sign(Signers{Device: key, Officer: key}, plain)
	if err != nil {
		t.Fatal(err)
	}
	swapped, err := SealBytes(sealedTo(central), Ident{Desk: "desk-1", Request: example().Request.ID, Seq: 8}, signed)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(central, known(key), swapped); err == nil {
		t.Error("header and body name different numbers, and it opened")
	}
}

// Every byte of the sealed request is bound: flipping any one is noticed.
func TestEveryBitIsSealed(t *testing.T) {
	key, central := ends(t)
	sealed, err := Seal(sealedTo(central), Signers{Device: key}, example())
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(sealed); i += step {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1 << (i % 8)
		if _, _, err := Open(central, known(key), bad); err == nil {
			t.Fatalf("byte %d of %d may be changed", i, len(sealed))
		}
	}
	if _, _, err := Open(central, known(key), sealed[:len(sealed)-1]); err == nil {
		t.Fatal("a cut request opened")
	}
}

func TestSealIsBounded(t *testing.T) {
	key, central := ends(t)
	b := example()
	b.Request.Portraits[0].Record = make([]byte, MaxSealed)
	if _, err := Seal(sealedTo(central), Signers{Device: key}, b); err == nil {
		t.Fatal("a request over the wire's limit was sealed")
	}
}

func FuzzDecode(f *testing.F) {
	good, err := Encode(example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0xa0})
	f.Add([]byte{0xbf, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Decode(data)
		if err != nil {
			return
		}
		if again, err := Encode(b); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("accepted, but its encoding differs: %v", err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	key, central := ends(f)
	sealed, err := Seal(sealedTo(central), Signers{Device: key}, example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte(magic))
	f.Add([]byte(magic + "\x00\x01\xa0................"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if id, err := ParseIdent(data); err == nil && id.check() != nil {
			t.Fatal("an invalid identity was accepted")
		}
		if _, _, err := Open(central, known(key), data); err == nil && !bytes.Equal(data, sealed) {
			t.Fatal("bytes that the desk never sealed opened")
		}
	})
}

func FuzzVerify(f *testing.F) {
	key, _ := ends(f)
	plain, err := Encode(example())
	if err != nil {
		f.Fatal(err)
	}
	signed, err := Sign(Signers{Device: key, Officer: key}, plain)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte{0xd8, 0x62, 0x84, 0x40, 0xa0, 0x40, 0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		// Unprotected headers are not signed, so other bytes may verify: but never
		// with another body.
		b, _, err := Verify(known(key), "desk-1", data)
		if err != nil {
			return
		}
		if got, err := Encode(b); err != nil || !bytes.Equal(got, plain) {
			t.Fatal("a body verified that was never signed")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	key, central := ends(b)
	for _, size := range []int{1 << 10, 400 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			body := example()
			body.Request.Portraits[0].Record = make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := Seal(sealedTo(central), Signers{Device: key}, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	key, central := ends(b)
	body := example()
	body.Request.Portraits[0].Record = make([]byte, 400<<10)
	sealed, err := Seal(sealedTo(central), Signers{Device: key}, body)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(sealed)))
	for b.Loop() {
		if _, _, err := Open(central, known(key), sealed); err != nil {
			b.Fatal(err)
		}
	}
}

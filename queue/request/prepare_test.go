package request

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"fmt"
	"testing"

	"github.com/veraison/go-cose"

	"github.com/enrold/enrold/internal/eid"
)

// The frame that is written here is byte for byte the one that go-cose writes.
func TestFrameIsThatOfTheLibrary(t *testing.T) {
	officer := vectorKey(t, vectorOfficer)
	device := elsewhere{ecKey(t, elliptic.P256()), KeyTPM, ES256}
	for name, by := range map[string]Signers{
		"device":  {Device: device},
		"both":    {Device: device, Officer: elsewhere{rsaKey(t, 3072), KeyToken, PS256}},
		"and CMS": {Device: device, Officer: officer, Certificate: certify(t, officer, "officer-1")},
	} {
		for _, size := range []int{0, 23, 24, 255, 256, 65535, 65536} { // each form of a length
			body := bytes.Repeat([]byte{7}, size)
			signed, err := Sign(by, body)
			if err != nil {
				t.Fatal(err)
			}
			m := cose.NewSignMessage()
			if err := m.UnmarshalCBOR(signed); err != nil {
				t.Fatalf("%s, %d bytes: %v", name, size, err)
			}
			// What was read raw is not to be written back raw.
			m.Headers.RawProtected, m.Headers.RawUnprotected = nil, nil
			var verifiers []cose.Verifier
			for i, key := range []Signer{by.Device, by.Officer}[:len(m.Signatures)] {
				m.Signatures[i].Headers.RawProtected, m.Signatures[i].Headers.RawUnprotected = nil, nil
				alg, err := m.Signatures[i].Headers.Protected.Algorithm()
				if err != nil {
					t.Fatal(err)
				}
				v, err := cose.NewVerifier(alg, key.Public())
				if err != nil {
					t.Fatal(err)
				}
				verifiers = append(verifiers, v)
			}
			if want, err := m.MarshalCBOR(); err != nil || !bytes.Equal(signed, want) {
				t.Fatalf("%s, %d bytes: %x, want %x, %v", name, size, signed[:80], want[:80], err)
			}
			if err := m.Verify(nil, verifiers...); err != nil {
				t.Fatalf("%s, %d bytes: %v", name, size, err)
			}
		}
	}
}

// The parts of a body are its one deterministic encoding.
func TestPiecesAreTheEncoding(t *testing.T) {
	for _, b := range []Body{example(), example().by(Signers{}), {Version: BodyVersion, DeskID: "d", Seq: 1, Previous: make([]byte, HashSize), SignedBy: Signers{}.roles(), Request: example().Request}} {
		want, err := encMode.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Encode(b); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("Encode = %x, %v, want %x", got, err, want)
		}
	}
}

func TestPreparedSealsOnce(t *testing.T) {
	key, central := vectorKey(t, "device"), vectorSealKey(t, vectorCentral)
	by, keys := Signers{Device: key}, KnownKeys{Devices: []crypto.PublicKey{key.Public()}}
	p, err := new(Sealer).Prepare(sealedTo(central), example().Request)
	if err != nil {
		t.Fatal(err)
	}
	body := example()
	body.Request.ID = "another, which does not count"
	sealed, err := p.Seal(by, body)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := Open(central, keys, sealed); err != nil || got.Request.ID != example().Request.ID || got.Seq != 7 {
		t.Fatalf("Open = %+v, %v", got.ident(), err)
	}
	if _, err := p.Seal(by, body); err == nil {
		t.Fatal("sealed twice")
	}
	if p, err = new(Sealer).Prepare(sealedTo(central), example().Request); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Seal(Signers{}, body); err == nil {
		t.Fatal("sealed without a signature")
	}
	if _, err := p.Seal(by, body); err == nil {
		t.Fatal("sealed after a failure, with a used envelope")
	}
}

// Memory that is used again holds nothing of the request before, and what was
// sealed in it opens, large after small and small after large.
func TestSealerUsesItsMemoryAgain(t *testing.T) {
	key, central := vectorKey(t, "device"), vectorSealKey(t, vectorCentral)
	by, keys := Signers{Device: key}, KnownKeys{Devices: []crypto.PublicKey{key.Public()}}
	var s Sealer
	for i := range 40 {
		body := example()
		body.Request.Portraits = []eid.PortraitRecord{{Record: bytes.Repeat([]byte{byte(i + 1)}, []int{10, 50_000, 300, 200_000}[i%4])}}
		p, err := s.Prepare(sealedTo(central), body.Request)
		if err != nil {
			t.Fatal(err)
		}
		memory := p.frame
		sealed, err := p.Seal(by, body)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(memory.mem, bytes.Repeat([]byte{byte(i + 1)}, 10)) {
			t.Fatalf("request %d is left in the memory where it was sealed", i)
		}
		got, _, err := Open(central, keys, sealed)
		if err != nil || !bytes.Equal(got.Request.Portraits[0].Record, body.Request.Portraits[0].Record) {
			t.Fatalf("request %d: %v", i, err)
		}
		p.Release()
	}
}

// A request that was prepared and could not be sealed leaves nothing either.
func TestFailedSealWipesItsMemory(t *testing.T) {
	body := example()
	body.Request.Portraits = []eid.PortraitRecord{{Record: bytes.Repeat([]byte("face"), 5000)}}
	p, err := new(Sealer).Prepare(sealedTo(vectorSealKey(t, vectorCentral)), body.Request)
	if err != nil {
		t.Fatal(err)
	}
	memory := p.frame
	if !bytes.Contains(memory.mem, []byte("faceface")) {
		t.Fatal("nothing was encoded")
	}
	if _, err := p.Seal(Signers{}, body); err == nil {
		t.Fatal("sealed without a signature")
	}
	if bytes.Contains(memory.mem, []byte("face")) {
		t.Fatal("the request is left in memory")
	}
}

// An outline is an encoding again, of the same shape, whatever it is made of.
func FuzzOutline(f *testing.F) {
	if data, err := encMode.Marshal(example().Request); err == nil {
		f.Add(data)
	}
	for _, s := range []string{"", "\x58", "\x59\x01\x00x", "\x5b\xff\xff\xff\xff\xff\xff\xff\xff", "\x9f\xff", "\x82\x41a\x61b", "\x5f\x41a\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, part := decMode.Wellformed(data), decMode.Wellformed(outline(data))
		if (whole == nil) != (part == nil) {
			t.Fatalf("%x: %v, its outline %x: %v", data, whole, outline(data), part)
		}
	})
}

func BenchmarkPrepareAndSeal(b *testing.B) {
	key, to := vectorKey(b, "device"), sealedTo(vectorSealKey(b, vectorCentral))
	for _, size := range []int{1 << 10, 400 << 10} {
		body := example()
		body.Request.Portraits = []eid.PortraitRecord{{Record: make([]byte, size)}}
		var sealer Sealer
		prepared := func(b *testing.B) *Prepared {
			p, err := sealer.Prepare(to, body.Request)
			if err != nil {
				b.Fatal(err)
			}
			return p
		}
		b.Run(fmt.Sprintf("prepare/%dKB", size>>10), func(b *testing.B) {
			for b.Loop() {
				prepared(b).Release()
			}
		})
		b.Run(fmt.Sprintf("seal/%dKB", size>>10), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				p := prepared(b)
				b.StartTimer()
				sealed, err := p.Seal(Signers{Device: key}, body)
				if err != nil {
					b.Fatal(err)
				}
				Hash(sealed)
				p.Release()
			}
		})
	}
}

package durability

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

// Markers of the person in every request of these tests.
const (
	markerName   = "NGUYỄN PHƯƠNG THẢO MARKER"
	markerMRZ    = "NGUYEN<<PHUONG<THAO<MARKER"
	markerNumber = "099078000404"
	markerPhone  = "0990004041"
	markerImage  = "MARKER-OF-A-PORTRAIT"
)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// sizes of portraits: most small, so that there are many commits, some real.
var sizes = []int{100, 1 << 10, 1 << 10, 4 << 10, 20 << 10, 100 << 10, 400 << 10}

// requestOf makes the request that id stands for, the same each time: a visit
// that is sent again after a crash.
func requestOf(id string) station.Request {
	seed := sha256.Sum256([]byte(id))
	stream := rand.NewChaCha8(seed)
	image := make([]byte, sizes[int(seed[0])%len(sizes)])
	_, _ = stream.Read(image) // never fails
	copy(image, markerImage)
	day := 1 + binary.BigEndian.Uint16(seed[1:])%28
	return station.Request{
		ID: id, Procedure: eid.CitizenLevel2, RuleSet: "vn-69-2024",
		Subject:    eid.Subject{Kind: eid.CitizenLevel2, PersonalNumber: markerNumber, Name: markerName, NameMRZ: markerMRZ},
		Contacts:   eid.Contacts{Phone: markerPhone},
		Portraits:  []eid.PortraitRecord{{Record: image, Origin: eid.OriginEmulated}},
		ReceivedAt: time.Date(2026, 11, 17, 8, 0, 0, 0, time.UTC), DueAt: eid.Date(fmt.Sprintf("2026-12-%02d", day)),
	}
}

// step is what a visit's journal holds of a person.
func step(id string, n int) []byte {
	return []byte(fmt.Sprintf("%s %d %s %s", id, n, markerName, strings.Repeat(markerImage, 20)))
}

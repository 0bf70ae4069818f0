// Package profile holds what is known of each product: how to recognise it,
// which driver in the code serves it, and the numbers that tune the driver. A
// profile never adds behaviour: an unknown key, a step outside the bounds or a
// missing provenance is an error, so that a file dropped in by an administrator
// cannot do more than the embedded ones.
package profile

import "regexp"

// Kind is what a product does for the desk.
type Kind string

const (
	KindScanner Kind = "scanner" // fingerprint
	KindReader  Kind = "reader"  // chip, over PC/SC
	KindCamera  Kind = "camera"
	KindMRZ     Kind = "mrz"     // swipe reader of the machine readable zone
	KindBarcode Kind = "barcode" // reads the card's QR code
	KindBridge  Kind = "bridge"  // USB to UART: what hangs on it cannot be recognised
)

// Status says how far a profile has been tried, and no more.
type Status string

const (
	StatusClaimed  Status = "claimed"           // written from documents, never run
	StatusEmulated Status = "emulated"          // run against our own emulated device only
	StatusReplay   Status = "replay-verified"   // run against a recording of the real device
	StatusHardware Status = "hardware-verified" // run against the real device
)

// Profile is one product, or a family that no difference concerns.
type Profile struct {
	Name       string   `toml:"name"` // also the file's name
	Vendor     string   `toml:"vendor"`
	Product    string   `toml:"product"`
	Kind       Kind     `toml:"kind"`
	Driver     string   `toml:"driver"` // name of a driver in the code; empty when none serves it
	Status     Status   `toml:"status"` // with a driver
	Plan       string   `toml:"plan"`   // without: native, vendor-service, none
	Reason     string   `toml:"reason"` // without: why no driver claims it
	Provenance string   `toml:"provenance"`
	Notes      []string `toml:"notes"`
	SHA256     [32]byte `toml:"-"`     // of the file
	Match      []Match  `toml:"match"` // any of them; none: chosen by the desk's configuration

	Serial *Serial `toml:"serial"`
	Reader *Reader `toml:"reader"`
	Camera *Camera `toml:"camera"`
}

// Match recognises a device. Every field given must fit.
type Match struct {
	VID         uint16 `toml:"vid"`
	PID         uint16 `toml:"pid"`
	RevisionMin uint16 `toml:"revision_min"` // bcdDevice, inclusive
	RevisionMax uint16 `toml:"revision_max"`
	Class       uint8  `toml:"class"` // USB class of the device or of one interface
	Name        string `toml:"name"`  // regular expression on the product's or reader's name

	pattern *regexp.Regexp
}

// Serial tunes a device on a serial line.
type Serial struct {
	Bauds        []int  `toml:"bauds"`       // speeds to look for the device, the wanted one first
	Address      uint32 `toml:"address"`     // ZFM: module address
	Password     uint32 `toml:"password"`    // ZFM: factory password
	PacketSize   int    `toml:"packet_size"` // data bytes in a packet: 32, 64, 128, 256
	Width        int    `toml:"width"`       // pixels
	Height       int    `toml:"height"`
	DPI          int    `toml:"dpi"`
	BitsPerPixel int    `toml:"bits_per_pixel"` // on the wire: 4 or 8
	AnswerMS     int    `toml:"answer_ms"`      // longest time to answer a command
	PollMS       int    `toml:"poll_ms"`        // pause between two looks for a finger
	Init         []Step `toml:"init"`           // after the handshake, at most MaxSteps
	Place        []Step `toml:"place"`          // when the person must place the finger
	Lift         []Step `toml:"lift"`           // when the person must lift it
}

// Step is one command of the device, for its lights mostly. A refusal by the
// device is logged and not an error.
type Step struct {
	Send string `toml:"send"` // hexadecimal: instruction and parameters
	Note string `toml:"note"`
}

// Reader tunes a chip reader.
type Reader struct {
	Slot        string   `toml:"slot"`         // regular expression of the contactless slot's name; empty: one slot
	APDU        string   `toml:"apdu"`         // short, extended, tpdu
	MaxMessage  int      `toml:"max_message"`  // dwMaxCCIDMessageLength
	Ladder      []int    `toml:"ladder"`       // expected lengths to try: the first one, then ever smaller
	SelectMF    string   `toml:"select_mf"`    // skip, tolerate, require
	PACE        bool     `toml:"pace"`         // fit for PACE and RSA: the reader asks for waiting time extensions
	DebounceMS  int      `toml:"debounce_ms"`  // a removal shorter than this is none
	Share       string   `toml:"share"`        // exclusive, shared
	Disconnect  string   `toml:"disconnect"`   // leave, reset, unpower
	Escape      []Step   `toml:"escape"`       // SCardControl, at most MaxSteps
	SessionS    int      `toml:"session_s"`    // longest session
	KernelClash []string `toml:"kernel_clash"` // kernel modules that take the reader away

	slot *regexp.Regexp // nil when Slot is empty
}

// Contactless says whether name is that of the reader's contactless slot, as
// the profile knows it.
func (r Reader) Contactless(name string) bool { return r.slot != nil && r.slot.MatchString(name) }

// Camera tunes a camera.
type Camera struct {
	Width  int    `toml:"width"`
	Height int    `toml:"height"`
	FPS    int    `toml:"fps"`
	FourCC string `toml:"fourcc"` // MJPG, YUYV
	Warmup int    `toml:"warmup"` // frames to throw away while exposure settles
}

// MaxSteps bounds the commands that a profile may send.
const MaxSteps = 8

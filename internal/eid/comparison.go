package eid

// Source is where a statement about the holder stands.
type Source string

const (
	SourceDG1   Source = "DG1"
	SourceDG11  Source = "DG11"
	SourceDG13  Source = "DG13"
	SourceMRZ   Source = "mrz"   // lines scanned or typed at the desk
	SourceQR    Source = "qr"    // of a Vietnamese card; not signed
	SourceTyped Source = "typed" // by the officer
)

// Agreement is the outcome of a comparison.
type Agreement string

const (
	AgreementOK       Agreement = "ok"
	AgreementInfo     Agreement = "info"     // differs in what may differ: for the officer to see
	AgreementMismatch Agreement = "mismatch" // stops the visit: E-CHIP-MISMATCH
)

// Comparison is one field as two sources state it. It carries no content.
type Comparison struct {
	Field  string    `json:"field" cbor:"field"` // "name", "personal_number", "birth", …
	A      Source    `json:"a" cbor:"a"`
	B      Source    `json:"b" cbor:"b"`
	Result Agreement `json:"result" cbor:"result"`
	Tier   string    `json:"tier,omitempty" cbor:"tier,omitempty"` // of names: exact, tone, zone, differs
}

// Detail is text that a chip states beside the holder's identity.
type Detail struct {
	Source Source  `json:"source" cbor:"source"` // "DG11", "DG12", "DG16"
	Field  string  `json:"field" cbor:"field"`   // "place_of_birth", "authority", …
	Value  Private `json:"value" cbor:"value"`
}

package station

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// record is one journalled step of a visit. The journal seals it: it holds the
// person's data.
type record interface {
	name() recordName
	apply(v *visit)
}

type recordName string

// Names are written to the journal and never change meaning.
const (
	recordStarted      recordName = "started"
	recordDocument     recordName = "document"
	recordFaceSeen     recordName = "face_seen"
	recordFace         recordName = "face"
	recordPresence     recordName = "presence"
	recordImpression   recordName = "impression"
	recordFaceFailed   recordName = "face_failed"
	recordFaceReview   recordName = "face_review"
	recordFaceAttested recordName = "face_attested"
	recordFingerFailed recordName = "finger_failed"
	recordException    recordName = "exception"
	recordFailed       recordName = "failed"
	recordDetails      recordName = "details"
	recordConsent      recordName = "consent"
	recordClosed       recordName = "closed"
)

func newRecord(n recordName) (record, error) {
	switch n {
	case recordStarted:
		return new(startedRecord), nil
	case recordDocument:
		return new(documentRecord), nil
	case recordFaceSeen:
		return new(faceSeenRecord), nil
	case recordPresence:
		return new(presenceRecord), nil
	case recordFace:
		return new(faceRecord), nil
	case recordImpression:
		return new(impressionRecord), nil
	case recordFaceFailed:
		return new(faceFailedRecord), nil
	case recordFaceReview:
		return new(faceReviewRecord), nil
	case recordFaceAttested:
		return new(faceAttestedRecord), nil
	case recordFingerFailed:
		return new(fingerFailedRecord), nil
	case recordException:
		return new(exceptionRecord), nil
	case recordFailed:
		return new(failedRecord), nil
	case recordDetails:
		return new(detailsRecord), nil
	case recordConsent:
		return new(consentRecord), nil
	case recordClosed:
		return new(closedRecord), nil
	}
	return nil, fmt.Errorf("read journal: unknown record %q", n)
}

// Times keep their nanoseconds: a resumed visit must equal the one that was cut.
var encodeMode, decodeMode = recordModes()

func recordModes() (cbor.EncMode, cbor.DecMode) {
	opts := cbor.CoreDetEncOptions()
	opts.Time = cbor.TimeRFC3339Nano
	enc, err := opts.EncMode()
	if err != nil {
		panic(err) // options are constant
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   8,
		MaxArrayElements:  1024,
		MaxMapPairs:       64,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}

// envelope numbers a record within its visit. When the journal answered an
// append with an error it may have kept the record all the same; what the desk
// wrote next carries the same number and replaces it.
type envelope struct {
	_      struct{} `cbor:",toarray"`
	Number int
	Body   cbor.RawMessage
}

func encodeRecord(number int, r record) ([]byte, error) {
	body, err := encodeMode.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode record %s: %w", r.name(), err)
	}
	data, err := encodeMode.Marshal(envelope{Number: number, Body: body})
	if err != nil {
		return nil, fmt.Errorf("encode record %s: %w", r.name(), err)
	}
	return data, nil
}

func decodeRecord(e Entry) (number int, r record, err error) {
	if r, err = newRecord(recordName(e.Step)); err != nil {
		return 0, nil, err
	}
	var env envelope
	if err := decodeMode.Unmarshal(e.Data, &env); err != nil {
		return 0, nil, fmt.Errorf("read journal: record %s: %w", r.name(), err)
	}
	if err := decodeMode.Unmarshal(env.Body, r); err != nil {
		return 0, nil, fmt.Errorf("read journal: record %s: %w", r.name(), err)
	}
	return env.Number, r, nil
}

package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// Resumable upload: tus 1.0.0, core protocol with the extensions creation and
// checksum (https://tus.io/protocols/resumable-upload).
const (
	TusVersion = "1.0.0"
	TypeTus    = "application/offset+octet-stream"

	HeaderTusResumable = "Tus-Resumable"
	HeaderTusOffset    = "Upload-Offset"
	HeaderTusLength    = "Upload-Length"
	HeaderTusMetadata  = "Upload-Metadata"
	HeaderTusChecksum  = "Upload-Checksum"

	// StatusChecksum is tus's answer to a chunk that differs from its digest.
	StatusChecksum = 460

	// HeaderReceipt carries the signed receipt, base64, in the answer to the
	// chunk that completes a request: it saves the desk a round trip.
	HeaderReceipt = "Enrold-Receipt"

	// MaxChunk bounds the bytes of one PATCH, which the central holds in memory.
	MaxChunk = 4 << 20
)

// Keys of Upload-Metadata: what a request's announcement also says.
const (
	MetaID   = "id"
	MetaHash = "sha256"
)

// UploadPath is the path of a request's upload.
func UploadPath(id string) string { return UploadsPath + id }

// TusDigest is the value of Upload-Checksum for chunk.
func TusDigest(chunk []byte) string {
	sum := sha256.Sum256(chunk)
	return "sha256 " + base64.StdEncoding.EncodeToString(sum[:])
}

// TusMetadata is the value of Upload-Metadata for a request.
func TusMetadata(id string, hash []byte) string {
	return MetaID + " " + base64.StdEncoding.EncodeToString([]byte(id)) + "," + MetaHash + " " + base64.StdEncoding.EncodeToString(hash)
}

const maxMetadata = 1 << 10

// ParseTusMetadata reads the request's id and hash from Upload-Metadata; keys of
// others are passed over.
func ParseTusMetadata(value string) (id string, hash []byte, err error) {
	if len(value) > maxMetadata {
		return "", nil, errors.New("read upload metadata: too long")
	}
	for pair := range strings.SplitSeq(value, ",") {
		key, encoded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		data, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return "", nil, errors.New("read upload metadata: not base64")
		}
		switch key {
		case MetaID:
			id = string(data)
		case MetaHash:
			hash = data
		}
	}
	if id == "" || len(hash) == 0 {
		return "", nil, errors.New("read upload metadata: id or hash is missing")
	}
	return id, hash, nil
}

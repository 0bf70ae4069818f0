package dlib

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/enrold/enrold/internal/eid"
)

// files are the models that go-face loads (CC0, from dlib.net), with their
// SHA-256. The CNN detector is loaded although it is never asked.
var files = map[string]string{
	"dlib_face_recognition_resnet_model_v1.dat": "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
	"mmod_human_face_detector.dat":              "be467b1a76f482693de3b0f6a1ff91d092319be71523d4d4b0628f6a53fcb87a",
	"shape_predictor_5_face_landmarks.dat":      "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
}

// CheckModels compares the model files in dir with the sums in this package and
// returns eid.CodeModels for a missing or altered one. dlib trusts what it
// loads, so nothing unchecked may reach it.
func CheckModels(dir string) error {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := checkModel(filepath.Join(dir, name), files[name]); err != nil {
			return eid.Fail(eid.CodeModels, "check models", err)
		}
	}
	return nil
}

func checkModel(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s has SHA-256 %s, want %s", path, got, want)
	}
	return nil
}

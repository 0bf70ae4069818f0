// Package engines makes a face engine of the models that are installed: it
// chooses the best set, checks every file, loads it and says what it chose.
package engines

import (
	"errors"
	"fmt"
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/manifest"
)

// Choice is one way of recognising faces: which models do what.
type Choice struct {
	Name       string   `json:"name"` // fusion, intel, faceplugin, dlib, …
	Detector   string   `json:"detector,omitempty"`
	Landmarks  string   `json:"landmarks,omitempty"`
	Recogniser string   `json:"recogniser"` // a recogniser or a fusion
	PAD        []string `json:"pad,omitempty"`
	// Warning is why this is not what a desk should have; a word for translation.
	Warning Warning `json:"warning,omitempty"`
}

// Warning says what is wrong with the models of a desk.
type Warning string

const (
	// WarnPilot says: weights of undisclosed origin take part.
	WarnPilot Warning = "models_pilot"
	// WarnRegistryOnly says: the recommended set is not installed.
	WarnRegistryOnly Warning = "models_registry_only"
	// WarnNotForDecisions says: the engine cannot tell the people of this country apart.
	WarnNotForDecisions Warning = "models_not_for_decisions"
)

const (
	yunet      = "yunet-2023mar-8f2383e4"
	intel      = "intel-reid-0095-4a764479"
	frDetect   = "fr-detect-6c0256cc"
	frLandmark = "fr-landmark-f10b0ba1"
	frFeature  = "fr-feature-87aacdfe"
	frLiveness = "fr-liveness-afa783b7"
	miniV2     = "minifasnet-v2-abfa583d"
	miniV1SE   = "minifasnet-v1se-de52ffbe"
	fused      = "fusion-intel-fr-2"
	dlibID     = "dlib-resnet-v1-55533b28"
)

// choices in order of preference. Those after dlib are only made by name.
var choices = []Choice{
	{Name: "fusion", Detector: yunet, Landmarks: frLandmark, Recogniser: fused, PAD: []string{miniV2, miniV1SE}, Warning: WarnPilot},
	{Name: "intel", Detector: yunet, Recogniser: intel, PAD: []string{miniV2, miniV1SE}},
	{Name: "faceplugin", Detector: frDetect, Landmarks: frLandmark, Recogniser: frFeature, PAD: []string{frLiveness}, Warning: WarnRegistryOnly},
	{Name: "dlib", Recogniser: dlibID, Warning: WarnNotForDecisions},
	{Name: "faceplugin-yunet", Detector: yunet, Landmarks: frLandmark, Recogniser: frFeature, PAD: []string{frLiveness}, Warning: WarnPilot},
}

const automatic = 4 // so many choices are made without being asked for

// Names of the choices, the best first.
func Names() []string {
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = c.Name
	}
	return names
}

// Choose finds what to load from dir: the choice called name (or the id of its
// recogniser), or for "" the best one whose files are all there. None is
// eid.CodeModels.
func Choose(dir, name string) (Choice, error) {
	const op = "choose models"
	all, err := manifest.All()
	if err != nil {
		return Choice{}, eid.Fail(eid.CodeInternal, op, err)
	}
	if name != "" {
		for _, c := range choices {
			if c.Name == name || c.Recogniser == name {
				return c, nil
			}
		}
		return Choice{}, eid.Fail(eid.CodeInput, op, fmt.Errorf("no engine is called %q: want one of %s", name, strings.Join(Names(), ", ")))
	}
	for _, c := range choices[:automatic] {
		models, err := c.required(all)
		if err != nil {
			continue // not for this platform
		}
		if present(dir, models) {
			return c, nil
		}
	}
	return Choice{}, eid.Fail(eid.CodeModels, op, errors.New("no set of models is installed"))
}

// required are the manifests without which c cannot work. Landmarks and liveness
// models are welcome but not needed where the detector gives points itself.
func (c Choice) required(all []face.Manifest) ([]face.Manifest, error) {
	ids := []string{c.Recogniser}
	if c.Detector != "" {
		ids = append(ids, c.Detector)
	}
	if c.Detector == frDetect {
		ids = append(ids, c.Landmarks)
	}
	var models []face.Manifest
	onnx := false
	for i := 0; i < len(ids); i++ {
		m, err := manifest.Find(all, ids[i])
		if err != nil {
			return nil, err
		}
		for _, p := range m.Parts {
			ids = append(ids, p.ID)
		}
		onnx = onnx || m.Engine == "onnx"
		models = append(models, m)
	}
	if onnx {
		library, err := library(all)
		if err != nil {
			return nil, err
		}
		models = append(models, library)
	}
	return models, nil
}

func library(all []face.Manifest) (face.Manifest, error) {
	for _, m := range all {
		if m.Kind == face.KindRuntime {
			return m, nil
		}
	}
	return face.Manifest{}, errors.New("no runtime for ONNX models on this platform")
}

func present(dir string, models []face.Manifest) bool {
	for _, m := range models {
		if !manifest.Present(dir, m) {
			return false
		}
	}
	return true
}

